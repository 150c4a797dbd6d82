import Testing
import WeComBot

@testable import GatewaySimulator
@testable import StreamingDemo

struct AnswerTests {
    private static let person = Script.Person(id: "lin", name: "林小满")
    private static let turn = Script.Turn(
        person: person,
        chat: .with(person),
        question: "?",
        answer: "一个字也没少",
        length: .zero
    )

    @Test func anAnswerThatArrivedAsItWasWrittenHasNoFault() {
        #expect(answer("一个字也没少").fault == nil)
    }

    @Test(arguments: ["一个字没少", "一个字也没少 ", "", "一个字也没少少"])
    func anyOtherTextIsAFault(_ text: String) {
        #expect(answer(text).fault?.contains("were expected") == true)
    }

    @Test func anAnswerThatIsNotFinishedOrNotDeliveredIsAFault() {
        #expect(answer("一个字也没少", isFinished: false).fault?.contains("never finished") == true)
        #expect(answer("一个字也没少", delivery: .unknown(.init("lost"))).fault?.contains("lost") == true)
        #expect(answer("一个字也没少", delivery: nil).fault?.contains("nothing") == true)
    }

    private func answer(_ text: String, isFinished: Bool = true, delivery: Delivery? = .delivered) -> Answer {
        let now = ContinuousClock.now
        var answer = Answer(AnswerTests.turn, messageID: "m", askedAt: now)
        let bubble = Bubble(
            streamID: "s",
            messageType: "stream",
            text: text,
            isFinished: isFinished,
            frames: 2,
            startedAt: now
        )
        answer.show(bubble, at: now)
        answer.delivery = delivery
        return answer
    }
}

import Testing

@testable import BotCore

@Suite("DispatcherMachine")
struct DispatcherMachineTests {
    @Test("a busy answer keeps nothing of what it answers but whose it is")
    func busyAnswersAreSmall() throws {
        var configuration = DispatcherConfiguration()
        configuration.maximumWaitingBytes = 0
        var machine = DispatcherMachine(configuration: configuration)
        let channel = RecordingChannel()
        let conversation = Conversation(kind: .group, id: "群")
        func turn(_ id: String) -> Turn {
            let message = Inbound(
                id: id,
                kind: .text,
                conversation: conversation,
                sender: "u",
                text: "很长👋🏽",
                raw: [1, 2, 3]
            )
            return Turn(message: message, channel: channel)
        }
        _ = machine.admit(turn("1"), now: .now)
        guard case .rejected(.bytes, let answer?) = machine.admit(turn("2"), now: .now) else {
            Issue.record("it was let in")
            return
        }
        #expect(answer.message.id == "2" && answer.message.conversation == conversation)
        #expect(answer.message.byteCount == 0)
    }
}

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

    @Test("a turn that was given out before the time was over and has not begun is one of those that wait")
    func tooLate() throws {
        for keeps in [false, true] {
            var machine = DispatcherMachine(configuration: .init())
            let turn = Turn(message: .test("1"), channel: RecordingChannel())
            guard case .start = machine.admit(turn, now: .now) else {
                Issue.record("it does not start")
                return
            }
            if case .start = machine.beginning() {} else { Issue.record("there is time") }
            machine.drain()
            if case .start = machine.beginning() {} else { Issue.record("there is still time") }
            _ = machine.expire(keepsWaiting: keeps)
            switch machine.beginning() {
            case .start: Issue.record("it is too late")
            case .kept: #expect(keeps)
            case .rejected: #expect(!keeps)
            }
            let answer = machine.abandoned(turn)
            #expect((answer == nil) == keeps)
            #expect(machine.statistics.active == 0 && machine.statistics.rejected == (keeps ? 0 : 1))
            if let answer {
                #expect(machine.milestones == [])
                machine.answered()
                _ = machine.completed(answer, with: .delivered)
            }
            #expect(machine.milestones == [.idle, .answered])
        }
    }
}

import BotCore
import TestSupport
import Testing

@Suite("Lanes")
struct LanesTests {
    private func conversation(_ number: Int) -> Conversation { Conversation(kind: .single, id: "\(number)") }

    @Test("the first starts, the rest waits and comes out in order")
    func inOrder() {
        var lanes = Lanes<Int>(maximumWaitingPerConversation: 10, maximumTotal: 100, maximumWaitingBytes: .max)
        #expect(lanes.add(0, bytes: 1, to: conversation(1)) == .start)
        for number in 1...5 { #expect(lanes.add(number, bytes: 1, to: conversation(1)) == .queued) }
        #expect((0..<6).map { _ in lanes.finished(conversation(1)) } == [1, 2, 3, 4, 5, nil])
        #expect(lanes.add(9, bytes: 1, to: conversation(1)) == .start)
    }

    @Test("another conversation starts at once, however much waits in one")
    func noGlobalBlock() {
        var lanes = Lanes<Int>(maximumWaitingPerConversation: 50, maximumTotal: 100, maximumWaitingBytes: .max)
        for number in 0...50 { _ = lanes.add(number, bytes: 1, to: conversation(1)) }
        #expect(lanes.add(51, bytes: 1, to: conversation(1)) == .rejected(.conversation))
        #expect(lanes.add(0, bytes: 1, to: conversation(2)) == .start)
        #expect(lanes.add(0, bytes: 1, to: Conversation(kind: .group, id: "1")) == .start)
    }

    @Test("a conversation holds n waiting messages and not n + 1", arguments: [0, 1, 1_024])
    func conversationBound(limit: Int) {
        var lanes = Lanes<Int>(maximumWaitingPerConversation: limit, maximumTotal: 10_000, maximumWaitingBytes: .max)
        #expect(lanes.add(0, bytes: 1, to: conversation(1)) == .start)
        for number in 0..<limit { #expect(lanes.add(number, bytes: 1, to: conversation(1)) == .queued) }
        #expect(lanes.add(0, bytes: 1, to: conversation(1)) == .rejected(.conversation))
        #expect(lanes.waitingCount == limit)
        _ = lanes.finished(conversation(1))
        #expect(lanes.add(0, bytes: 1, to: conversation(1)) == (limit == 0 ? .start : .queued))
    }

    @Test("all together hold n messages and not n + 1", arguments: [1, 2, 16_384])
    func totalBound(limit: Int) {
        var lanes = Lanes<Int>(maximumWaitingPerConversation: 10, maximumTotal: limit, maximumWaitingBytes: .max)
        for number in 0..<limit {
            let admission = lanes.add(number, bytes: 1, to: conversation(number / 2))
            #expect(admission == (number.isMultiple(of: 2) ? .start : .queued))
        }
        #expect(lanes.add(0, bytes: 1, to: conversation(-1)) == .rejected(.total))
        _ = lanes.finished(conversation(0))
        #expect(lanes.add(0, bytes: 1, to: conversation(-1)) == .start)
        #expect(lanes.add(0, bytes: 1, to: conversation(-2)) == .rejected(.total))
    }

    @Test("those that wait have n bytes and not n + 1, whatever runs has")
    func byteBound() {
        var lanes = Lanes<Int>(maximumWaitingPerConversation: 10, maximumTotal: 100, maximumWaitingBytes: 1_000)
        #expect(lanes.add(0, bytes: 5_000, to: conversation(1)) == .start)
        #expect(lanes.add(0, bytes: 5_000, to: conversation(2)) == .start)
        #expect(lanes.add(1, bytes: 1_001, to: conversation(1)) == .rejected(.bytes))
        #expect(lanes.add(1, bytes: 600, to: conversation(1)) == .queued)
        #expect(lanes.add(2, bytes: 401, to: conversation(2)) == .rejected(.bytes))
        #expect(lanes.add(2, bytes: 400, to: conversation(2)) == .queued)
        #expect(lanes.waitingBytes == 1_000 && lanes.waitingCount == 2)
        #expect(lanes.add(3, bytes: 1, to: conversation(1)) == .rejected(.bytes))
        #expect(lanes.add(3, bytes: .max, to: conversation(1)) == .rejected(.bytes))
        #expect(lanes.add(3, bytes: 9, to: conversation(3)) == .start, "one that runs at once does not wait")
        #expect(lanes.finished(conversation(1)) == 1)
        #expect(lanes.waitingBytes == 400)
        #expect(lanes.add(4, bytes: 600, to: conversation(1)) == .queued)
        #expect(lanes.removeAllWaiting().count == 2)
        #expect(lanes.waitingBytes == 0)
    }

    @Test("conversations in which nothing happens leave nothing behind")
    func emptyLanesAreRemoved() {
        var lanes = Lanes<Int>(maximumWaitingPerConversation: 10, maximumTotal: 100, maximumWaitingBytes: .max)
        for number in 0..<10_000 {
            #expect(lanes.add(number, bytes: 1, to: conversation(number)) == .start)
            #expect(lanes.finished(conversation(number)) == nil)
        }
        #expect(lanes.activeCount == 0 && lanes.waitingCount == 0)
        #expect(lanes.finished(conversation(7)) == nil)
    }

    @Test("what waits can be taken out, what runs stays")
    func removeAllWaiting() {
        var lanes = Lanes<Int>(maximumWaitingPerConversation: 10, maximumTotal: 100, maximumWaitingBytes: .max)
        for number in 0..<6 { _ = lanes.add(number, bytes: 1, to: conversation(number % 2)) }
        #expect(lanes.removeAllWaiting().sorted() == [2, 3, 4, 5])
        #expect(lanes.activeCount == 2 && lanes.waitingCount == 0)
        #expect(lanes.finished(conversation(0)) == nil)
        #expect(lanes.activeCount == 1)
    }
}

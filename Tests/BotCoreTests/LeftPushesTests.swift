import Testing

@testable import BotCore

struct LeftPushesTests {
    private static let now: Int64 = 1_700_000_000_000
    private static let day = LeftPushes.maximumAge.milliseconds

    private static func push(
        _ number: Int64,
        to chat: String = "u",
        _ kind: Conversation.Kind = .single,
        at time: Int64 = now,
        left: Bool = false
    ) -> SavedPush {
        SavedPush(
            number: number,
            message: OutboundMessage(kind: .init(rawValue: "markdown"), body: Array("{}".utf8)),
            conversation: Conversation(kind: kind, id: chat),
            postedAt: time,
            mayHaveArrived: left
        )
    }

    private static func numbers(_ pushes: [[SavedPush]]) -> [[Int64]] { pushes.map { $0.map(\.number) } }

    @Test func whatWaitsGoesInOrderByConversation() {
        let pushes = [
            Self.push(5, to: "乙"), Self.push(1, to: "甲"), Self.push(3, to: "乙"), Self.push(4, to: "甲", .group),
            Self.push(2, to: "甲"),
        ]
        let left = LeftPushes(pushes, now: Self.now)
        #expect(Self.numbers(left.waiting) == [[1, 2], [3, 5], [4]])
        #expect(left.doubtful.isEmpty && left.tooOld.isEmpty)
    }

    @Test func whatMayHaveArrivedIsNeverSentHoweverOldOrMany() {
        let pushes =
            (1...1_500).map { Self.push($0, at: 0, left: true) } + [
                Self.push(2_000, to: "v", left: true), Self.push(2_001),
            ]
        let left = LeftPushes(pushes, now: Self.now)
        #expect(left.doubtful.map(\.count) == [1_500, 1])
        #expect(Self.numbers(left.waiting) == [[2_001]])
        #expect(left.tooOld.isEmpty)
    }

    @Test func oneOfExactlyADayIsSentAndAnOlderOneIsNot() {
        let left = LeftPushes(
            [
                Self.push(1, at: Self.now - Self.day), Self.push(2, at: Self.now - Self.day - 1),
                Self.push(3, at: Self.now + 1), Self.push(4, at: .max), Self.push(5, at: .min),
            ],
            now: Self.now
        )
        #expect(Self.numbers(left.waiting) == [[1, 3, 4]])
        #expect(Self.numbers(left.tooOld) == [[2, 5]])
    }

    @Test func aClockThatMakesNoSenseNeverTraps() {
        #expect(LeftPushes([Self.push(1, at: .max)], now: .min).waiting.count == 1)
        #expect(LeftPushes([Self.push(1, at: .min)], now: .max).tooOld.count == 1)
    }

    @Test func howeverManyTheyAreAllAreSent() {
        let left = LeftPushes((1...40_000).reversed().map { Self.push(Int64($0), to: "\($0 % 7)") }, now: Self.now)
        #expect(left.waiting.joined().count == 40_000)
    }
}

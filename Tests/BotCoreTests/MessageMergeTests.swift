import TestSupport
import Testing

@testable import BotCore

@Suite("MessageMerge")
struct MessageMergeTests {
    private static let start = ContinuousClock.now
    private static let merge = MessageMerge(window: .milliseconds(800))
    private static let chat = Conversation(kind: .group, id: "群")

    private static func turn(
        _ id: String = "1",
        _ text: String = "一",
        kind: Inbound.Kind = .text,
        from sender: String = "张三",
        in conversation: Conversation = chat,
        parts: [Inbound.Part]? = nil,
        quote: Quote? = nil,
        raw: [UInt8] = [],
        at milliseconds: Int? = 0
    ) -> Turn {
        let message = Inbound(
            id: id,
            kind: kind,
            conversation: conversation,
            sender: sender,
            text: text,
            originalText: text.isEmpty ? nil : "@助手 " + text,
            parts: parts,
            quote: quote,
            raw: raw
        )
        return Turn(
            message: message,
            channel: RecordingChannel(),
            arrived: milliseconds.map { start + .milliseconds($0) }
        )
    }

    @Test("a part comes within the window after the one before, and not later; never if there is no window")
    func window() {
        let (merge, first) = (Self.merge, Self.turn())
        #expect(merge.isNext(Self.turn("2", at: 0), after: first))
        #expect(merge.isNext(Self.turn("2", at: 800), after: first))
        #expect(!merge.isNext(Self.turn("2", at: 801), after: first))
        let second = merge.joined(first, Self.turn("2", at: 800))
        #expect(merge.isNext(Self.turn("3", at: 1_600), after: second), "the window follows the newest")
        #expect(!merge.isNext(Self.turn("3", at: 1_601), after: second))
        #expect(merge.end(of: second) == Self.start + .milliseconds(1_600))
        let off = MessageMerge(window: .zero)
        #expect(off.end(of: first) == nil && !off.isNext(Self.turn("2"), after: first))
        #expect(!merge.isNext(Self.turn("2", at: nil), after: first))
    }

    @Test("what somebody else says, or says elsewhere, is no part")
    func strangers() {
        let first = Self.turn()
        #expect(!Self.merge.isNext(Self.turn("2", from: "李四"), after: first))
        for other in [Conversation(kind: .group, id: "别的群"), Conversation(kind: .single, id: "群")] {
            #expect(!Self.merge.isNext(Self.turn("2", in: other), after: first))
        }
    }

    @Test(
        "pictures, files and videos are parts; speech and what is not known is not",
        arguments: [
            (Inbound.Kind.text, true), (.image, true), (.mixed, true), (.file, true), (.video, true), (.voice, false),
            (Inbound.Kind(rawValue: "event"), false), (Inbound.Kind(rawValue: "location"), false),
        ]
    )
    func kinds(kind: Inbound.Kind, isPart: Bool) {
        #expect(Self.merge.isNext(Self.turn("2", kind: kind), after: Self.turn()) == isPart)
        #expect(Self.merge.isNext(Self.turn("2"), after: Self.turn("1", kind: kind)) == isPart)
        #expect((Self.merge.end(of: Self.turn("1", kind: kind)) != nil) == isPart, "nothing else is waited with")
    }

    @Test("a command stands alone", arguments: ["/clear", "／帮助", "!file 5", "！停"])
    func commands(command: String) {
        #expect(!Self.merge.isNext(Self.turn("2", command), after: Self.turn()))
        #expect(!Self.merge.isNext(Self.turn("2"), after: Self.turn("1", command)))
        #expect(Self.merge.end(of: Self.turn("1", command)) == nil)
        #expect(Self.merge.isNext(Self.turn("2", "要 \(command)"), after: Self.turn()))
    }

    @Test("who quotes begins anew, and may go on")
    func quotes() {
        let quote = Quote(kind: .text, parts: [.text("引用")])
        #expect(!Self.merge.isNext(Self.turn("2", quote: quote), after: Self.turn()))
        let first = Self.turn(quote: quote)
        #expect(Self.merge.isNext(Self.turn("2"), after: first))
        #expect(Self.merge.joined(first, Self.turn("2")).message.quote?.text == "引用")
    }

    @Test("an answer that is only brought to its end, or says that there is no room, is no part")
    func otherTurns() {
        for kind in [Turn.Kind.busy("忙"), .resumed(SavedAnswer())] {
            var other = Self.turn("2")
            other.kind = kind
            #expect(!Self.merge.isNext(other, after: Self.turn()) && !Self.merge.isNext(Self.turn(), after: other))
        }
    }

    @Test("one message has n parts and not n + 1, and n bytes and not n + 1")
    func bounds() {
        var turn = Self.turn("0")
        for number in 1..<MessageMerge.maximumParts {
            let next = Self.turn("\(number)")
            #expect(Self.merge.isNext(next, after: turn))
            turn = Self.merge.joined(turn, next)
        }
        #expect(Self.merge.end(of: turn) == nil && !Self.merge.isNext(Self.turn("more"), after: turn))
        #expect(turn.message.text == Array(repeating: "一", count: MessageMerge.maximumParts).joined(separator: "\n"))

        func bytes(_ count: Int) -> Turn { Self.turn("b", "", raw: [UInt8](repeating: 65, count: count)) }
        let room = MessageMerge.maximumBytes - Self.turn().message.byteCount
        #expect(Self.merge.isNext(bytes(room), after: Self.turn()))
        #expect(!Self.merge.isNext(bytes(room + 1), after: Self.turn()))
    }

    @Test("the whole has the texts as lines, the parts in order, and the newest id and way back")
    func joins() throws {
        let newest = Self.turn("3", "最后 e\u{301}", raw: [3], at: 20)
        let picture = Inbound.Part.other(.image)
        var turn = Self.merge.joined(
            Self.turn("1", "先说一句👨‍👩‍👧", raw: [1]),
            Self.turn("2", "", kind: .image, parts: [picture], at: 10)
        )
        turn = Self.merge.joined(turn, newest)
        #expect(turn.message.text == "先说一句👨‍👩‍👧\n最后 e\u{301}")
        #expect(turn.message.originalText == "@助手 先说一句👨‍👩‍👧\n@助手 最后 e\u{301}")
        #expect(turn.message.id == "3" && turn.message.raw == [3] && turn.message.kind == .mixed)
        #expect(turn.message.sender == "张三" && turn.message.conversation == Self.chat)
        #expect(turn.message.parts.text == turn.message.text && turn.message.parts.count == 3)
        guard case .other(.image) = turn.message.parts[1] else { throw Missing() }
        #expect(turn.channel as? RecordingChannel === newest.channel as? RecordingChannel)
        #expect(turn.earlier.map(\.message.id) == ["1", "2"] && turn.earlier.allSatisfy { $0.message.byteCount == 0 })
        #expect(Self.merge.joined(Self.turn("1"), Self.turn("2")).message.kind == .text)
    }

    private struct Missing: Error {}
}

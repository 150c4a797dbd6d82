import BotCore
import Testing

@testable import WeComAIBot

@Suite("WebhookStreams")
struct WebhookStreamsTests {
    private typealias Streams = WebhookStreams<Int>

    private let start = ContinuousClock.now
    private var streams = Streams()

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    /// Opens the stream `id` for the message `id`.
    private mutating func open(_ id: String, waiter: Int = 0, at seconds: Double = 0) -> StreamFrame? {
        guard case .opened(let frame) = streams.open(id, as: "S-\(id)", waiter: waiter, now: at(seconds)) else {
            return nil
        }
        return frame
    }

    /// The platform asks, and is told.
    private mutating func ask(_ id: String, at seconds: Double) -> (frame: StreamFrame, waiter: Int?) {
        let frame = streams.refresh("S-\(id)", now: at(seconds))
        return (frame, streams.fetched(frame))
    }

    private mutating func place(_ text: String, isFinal: Bool = false, in id: String, at seconds: Double)
        -> Streams.Placing
    {
        streams.place(text, isFinal: isFinal, in: "S-\(id)", now: at(seconds))
    }

    private func frame(_ id: String, _ text: String, isFinal: Bool = false) -> StreamFrame {
        StreamFrame(id: "S-\(id)", isFinal: isFinal, content: text)
    }

    private func isOver(_ placing: Streams.Placing) -> Bool {
        if case .unwatched(let reason) = placing { reason.message.contains("time") } else { false }
    }

    private func isSilent(_ placing: Streams.Placing) -> Bool {
        if case .unwatched(let reason) = placing { reason.message.contains("stopped asking") } else { false }
    }

    @Test("what went another way is not shown a second time")
    mutating func redirected() {
        for (id, shown) in [("1", "开头"), ("2", "<think></think>")] {
            _ = open(id)
            if id == "1" { #expect(place("开头", in: id, at: 1) == .kept) }
            #expect(ask(id, at: 2).frame == frame(id, shown))
            #expect(isSilent(place("开头和结尾", isFinal: true, in: id, at: 40)))
            streams.redirected("S-" + id)
            #expect(ask(id, at: 41).frame == frame(id, id == "1" ? "开头" : "✅", isFinal: true))
        }
    }

    @Test("a message that no turn answers ends its bubble with what is said about it")
    mutating func dropped() {
        _ = open("1")
        _ = open("2")
        streams.drop("S-1", saying: "请稍后再试")
        streams.drop("S-2", saying: nil)
        #expect(ask("1", at: 1).frame == frame("1", "请稍后再试", isFinal: true))
        #expect(ask("2", at: 1).frame.content.contains("请再问一次"))
    }

    @Test("whole answers that nobody asks for make room after the silence, those that are asked for do not")
    mutating func room() {
        streams.configuration.capacity = 2
        _ = open("1")
        _ = open("2", at: 1)
        #expect(place("一", isFinal: true, in: "1", at: 1) == .kept)
        let silence = 45.0  // and the grace
        guard case .full = streams.open("3", as: "S-3", waiter: 0, now: at(silence - 0.1)) else {
            Issue.record("somebody may still ask for it")
            return
        }
        #expect(open("3", at: silence) == frame("3", "<think></think>"))
        #expect(streams.standing(of: "S-1", now: at(silence)) != .fetched)
        #expect(open("4", at: silence) == nil, "an answer that is being made is not given up")
    }

    @Test("each question gets all of the text so far, the last one the end, and then the end again")
    mutating func life() {
        #expect(open("1", waiter: 7) == frame("1", "<think></think>"))
        #expect(ask("1", at: 1).frame == frame("1", "<think></think>"))
        #expect(place("你", in: "1", at: 1.2) == .kept)
        #expect(place("你好", in: "1", at: 1.5) == .kept)
        #expect(ask("1", at: 2).frame == frame("1", "你好"))
        #expect(ask("1", at: 3).frame == frame("1", "你好"))
        #expect(place("你好 👩‍👩‍👧‍👦", isFinal: true, in: "1", at: 3.1) == .kept)
        #expect(streams.standing(of: "S-1", now: at(3.1)) == .waiting(until: at(33)))
        let end = ask("1", at: 4)
        #expect(end.frame == frame("1", "你好 👩‍👩‍👧‍👦", isFinal: true))
        #expect(end.waiter == 7)
        #expect(streams.standing(of: "S-1", now: at(4)) == .fetched)
        let again = ask("1", at: 5)
        #expect(again.frame == end.frame)
        #expect(again.waiter == nil, "told once")
        #expect(isOver(place("more", in: "1", at: 6)))
        #expect(ask("1", at: 599).frame == end.frame)
    }

    @Test("text that was placed and not told is not fetched")
    mutating func notTold() {
        _ = open("1")
        _ = place("x", isFinal: true, in: "1", at: 1)
        _ = streams.refresh("S-1", now: at(2))
        #expect(streams.standing(of: "S-1", now: at(2)) == .waiting(until: at(32)))
    }

    @Test("a message that comes again gets its stream again, never its end unless that was told")
    mutating func retries() {
        _ = open("1")
        func again(_ seconds: Double) -> StreamFrame? {
            guard case .again(let frame) = streams.open("1", as: "S-x", waiter: 1, now: at(seconds)) else { return nil }
            return frame
        }
        #expect(again(1) == frame("1", "<think></think>"))
        _ = place("a", in: "1", at: 2)
        #expect(again(3) == frame("1", "a"))
        _ = place("ab", isFinal: true, in: "1", at: 4)
        #expect(again(5) == frame("1", "ab"), "whether the platform reads this is not known")
        #expect(streams.standing(of: "S-1", now: at(6)) == .waiting(until: at(35)), "it has not fallen silent")
        #expect(ask("1", at: 6).waiter == 0)
        #expect(again(7) == frame("1", "ab", isFinal: true))
        #expect(streams.count == 1)
        #expect(again(599) != nil)
        #expect(again(600) == nil, "forgotten, as the dispatcher has")
    }

    @Test("a message without an id is never one that comes again")
    mutating func withoutID() {
        guard case .opened = streams.open("", as: "a", waiter: 0, now: start) else { return #expect(Bool(false)) }
        guard case .opened = streams.open("", as: "b", waiter: 0, now: start) else { return #expect(Bool(false)) }
        #expect(streams.count == 2)
    }

    @Test("the window ends after 5 min 30 s: text is not expected to be seen, and the bubble is closed")
    mutating func window() {
        for id in ["in", "out", "late", "blank"] { _ = open(id) }
        for second in stride(from: 20.0, through: 320, by: 20) {
            for id in ["in", "out", "late", "blank"] { _ = ask(id, at: second) }
        }
        for id in ["in", "out", "late"] { _ = place("half", in: id, at: 320) }
        #expect(place("whole", isFinal: true, in: "in", at: 329.999) == .kept)
        #expect(streams.standing(of: "S-in", now: at(344.999)) == .waiting(until: at(345)))
        guard case .unwatched(let reason) = streams.standing(of: "S-in", now: at(345)) else {
            return #expect(Bool(false), "a complete answer waits 15 s longer and no longer")
        }
        #expect(reason.message.contains("time"))

        #expect(isOver(place("whole", isFinal: true, in: "out", at: 330)))
        #expect(ask("out", at: 331).frame == frame("out", "whole", isFinal: true), "if the platform asks after all")

        #expect(!ask("late", at: 329.999).frame.isFinal)
        let closed = ask("late", at: 330)
        #expect(closed.frame.isFinal && closed.frame.content.hasPrefix("half\n\n⏳"))
        #expect(closed.waiter == nil)
        #expect(isOver(place("whole", isFinal: true, in: "late", at: 331)))
        #expect(ask("late", at: 332).frame == closed.frame)

        let blank = ask("blank", at: 330).frame
        #expect(blank.isFinal && blank.content.hasPrefix("⏳"))
    }

    @Test("the note below an unfinished answer is left out when it does not fit", arguments: [0, 1])
    mutating func unfinishedLimit(excess: Int) {
        let note = "\n\n\(WebhookStreamConfiguration().unfinishedText)"
        let text = String(repeating: "a", count: 20_480 - note.utf8.count - 3 + excess) + "字"
        _ = open("1")
        _ = place(text, in: "1", at: 1)
        #expect(ask("1", at: 330).frame == frame("1", excess == 0 ? text + note : text, isFinal: true))
    }

    @Test(
        "the note stands behind a code block that is open, not in it",
        arguments: [("```c\nint", "\n```"), ("```c\n", "```")]
    )
    mutating func unfinishedCode(text: String, closing: String) {
        let note = "\n\n\(WebhookStreamConfiguration().unfinishedText)"
        for (id, padding) in [("fits", 0), ("does not", 1)] {
            let bytes = StreamFrame.maximumContentBytes - text.utf8.count - closing.utf8.count - note.utf8.count
            let text = String(repeating: "a", count: bytes - 1 + padding) + "\n" + text
            _ = open(id)
            _ = place(text, in: id, at: 1)
            #expect(ask(id, at: 330).frame == frame(id, padding == 0 ? text + closing + note : text, isFinal: true))
        }
    }

    @Test("30 s without a question: the platform has stopped asking")
    mutating func silence() {
        _ = open("1")
        #expect(place("a", in: "1", at: 29.999) == .kept)
        #expect(isSilent(place("b", in: "1", at: 30)))
        _ = ask("1", at: 40)
        #expect(place("c", in: "1", at: 69.999) == .kept)
        #expect(isSilent(place("d", isFinal: true, in: "1", at: 70)))
        guard case .unwatched = streams.standing(of: "S-1", now: at(70)) else { return #expect(Bool(false)) }
        #expect(ask("1", at: 80).frame == frame("1", "d", isFinal: true), "it asks after all")
        #expect(streams.standing(of: "S-1", now: at(81)) == .fetched)
    }

    @Test("text that was told whole, without the end, is known to be seen")
    mutating func unclosed() {
        _ = open("1")
        _ = place("all", in: "1", at: 1)
        _ = ask("1", at: 2)
        _ = place("all", isFinal: true, in: "1", at: 3)
        #expect(streams.standing(of: "S-1", now: at(31.999)) == .waiting(until: at(32)))
        guard case .unclosed = streams.standing(of: "S-1", now: at(32)) else { return #expect(Bool(false)) }
    }

    @Test("an unknown stream ends with something visible")
    mutating func unknown() {
        let answer = ask("nobody's", at: 0)
        #expect(answer.frame.isFinal && answer.frame.id == "S-nobody's" && !answer.frame.content.isEmpty)
        #expect(answer.waiter == nil)
        #expect(isOver(place("x", in: "nobody's", at: 0)))
        guard case .unwatched = streams.standing(of: "nobody's", now: start) else { return #expect(Bool(false)) }
        streams.abandon("nobody's")
        #expect(streams.count == 0)
    }

    @Test("an answer that will never come closes its bubble with what there is")
    mutating func abandoned() {
        for id in ["blank", "half", "whole"] { _ = open(id) }
        _ = place("half", in: "half", at: 1)
        _ = place("whole", isFinal: true, in: "whole", at: 1)
        for id in ["blank", "half", "whole"] { streams.abandon("S-\(id)") }
        #expect(ask("blank", at: 2).frame == frame("blank", "✅", isFinal: true))
        #expect(ask("half", at: 2).frame == frame("half", "half", isFinal: true))
        let whole = ask("whole", at: 2)
        #expect(whole.frame == frame("whole", "whole", isFinal: true) && whole.waiter == 0)
    }

    @Test("streams that have ended make room, the oldest first; others do not")
    mutating func capacity() {
        var configuration = WebhookStreamConfiguration()
        configuration.capacity = 3
        streams = Streams(configuration)
        for id in ["1", "2", "3"] { #expect(open(id) != nil) }
        guard case .full = streams.open("4", as: "S-4", waiter: 0, now: start) else { return #expect(Bool(false)) }
        guard case .again = streams.open("1", as: "S-x", waiter: 0, now: start) else { return #expect(Bool(false)) }
        for id in ["3", "2"] {
            _ = place("x", isFinal: true, in: id, at: 1)
            _ = ask(id, at: 2)
        }
        #expect(open("4", at: 3) != nil)
        #expect(ask("3", at: 4).frame.content == "x")
        #expect(ask("2", at: 4).frame.content == WebhookStreamConfiguration().lostText, "the oldest that had ended")
        #expect(open("5", at: 5) != nil)
        #expect(streams.count == 3)
        #expect(open("6", at: 599.999) == nil)
        #expect(open("6", at: 600) != nil, "the first is forgotten by now")
        #expect(streams.count == 3)
    }

    @Test("many streams cost what they are, not more")
    mutating func many() {
        for number in 0..<20_000 {
            let id = "\(number)"
            #expect(open(id, at: Double(number) / 1_000) != nil)
            _ = place("x", isFinal: true, in: id, at: Double(number) / 1_000)
            _ = ask(id, at: Double(number) / 1_000)
        }
        #expect(streams.count == 4_096)
    }
}

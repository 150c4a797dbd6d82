import BotFoundation
import TestSupport
import Testing

@testable import BotCore

@Suite("DuplicateFilter")
struct DuplicateFilterTests {
    private let start = ContinuousClock.now

    @Test("an id is a duplicate from its second sight on")
    func secondSight() {
        var filter = DuplicateFilter()
        #expect(filter.isDuplicate("a", now: start) == false)
        filter.insert("a", now: start)
        #expect(filter.isDuplicate("a", now: start) == true)
        #expect(filter.isDuplicate("a", now: start) == true)
        #expect(filter.isDuplicate("b", now: start) == false)
    }

    @Test("asking alone remembers nothing")
    func askingRemembersNothing() {
        var filter = DuplicateFilter()
        #expect(filter.isDuplicate("a", now: start) == false)
        #expect(filter.isDuplicate("a", now: start) == false)
        #expect(filter.count == 0)
    }

    @Test("n ids fit, and one more pushes out the one seen longest ago", arguments: [1, 2, 4_096])
    func capacity(capacity: Int) {
        var filter = DuplicateFilter(capacity: capacity)
        for number in 0..<capacity { filter.insert("\(number)", now: start) }
        #expect(filter.count == capacity)
        // Seen again, so that it is no longer the oldest; with a capacity of 1 it still is.
        #expect(filter.isDuplicate("0", now: start) == true)
        filter.insert("new", now: start)
        #expect(filter.count == capacity)
        #expect(filter.isDuplicate("new", now: start) == true)
        #expect(filter.isDuplicate("0", now: start) == (capacity > 1))
        if capacity > 1 { #expect(filter.isDuplicate("1", now: start) == false) }
        if capacity > 2 { #expect(filter.isDuplicate("2", now: start) == true) }
    }

    @Test("an id is forgotten when it is exactly ten minutes old, and not before")
    func timeToLive() {
        for (age, isDuplicate) in [(Duration.seconds(600) - .nanoseconds(1), true), (.seconds(600), false)] {
            var filter = DuplicateFilter()
            filter.insert("a", now: start)
            #expect(filter.isDuplicate("a", now: start + age) == isDuplicate)
            #expect(filter.count == (isDuplicate ? 1 : 0))
        }
    }

    @Test("a duplicate counts as seen again")
    func duplicateIsSeenAgain() {
        var filter = DuplicateFilter(timeToLive: .seconds(10))
        filter.insert("a", now: start)
        #expect(filter.isDuplicate("a", now: start + .seconds(9)) == true)
        #expect(filter.isDuplicate("a", now: start + .seconds(18)) == true)
        #expect(filter.isDuplicate("a", now: start + .seconds(28)) == false)
    }

    @Test("ids of any length are told apart, and long ones take no more memory than short ones")
    func longIDs() {
        var filter = DuplicateFilter(capacity: 100)
        let long = String(repeating: "长", count: 1 << 20)
        for id in [
            "\(long)1", "1\(long)", "\(long)👋🏽", String(repeating: "a", count: 128), String(repeating: "a", count: 129),
        ] {
            #expect(filter.isDuplicate(id, now: start) == false)
            filter.insert(id, now: start)
            #expect(filter.isDuplicate(id, now: start) == true)
        }
        #expect(filter.isDuplicate("\(long)2", now: start) == false)
        #expect(filter.count == 5)
        #expect(filter.keptBytes < 1_000)
    }

    @Test("a message without an id is never a duplicate")
    func emptyID() {
        var filter = DuplicateFilter()
        filter.insert("", now: start)
        #expect(filter.isDuplicate("", now: start) == false)
    }

    @Test("it agrees with a list that is searched")
    func agreesWithModel() {
        var generator = SeededGenerator(seed: SeededGenerator.seed(for: "DuplicateFilter"))
        var filter = DuplicateFilter(capacity: 20, timeToLive: .seconds(30))
        var model: [(id: String, seen: ContinuousClock.Instant)] = []
        var now = start
        for _ in 0..<20_000 {
            now += .milliseconds(Int.random(in: 0..<2_000, using: &generator))
            let id = "\(Int.random(in: 0..<40, using: &generator))"
            model.removeAll { $0.seen.duration(to: now) >= .seconds(30) }
            let index = model.firstIndex { $0.id == id }
            #expect(filter.isDuplicate(id, now: now) == (index != nil))
            if let index { model.remove(at: index) }
            if index == nil {
                filter.insert(id, now: now)
                if model.count == 20 { model.removeFirst() }
            }
            model.append((id, now))
            #expect(filter.count == model.count)
        }
    }

    @Test("what was seen elsewhere is put where its time is")
    func merge() {
        let now = ContinuousClock.now
        var filter = DuplicateFilter(capacity: 3, timeToLive: .seconds(10))
        filter.insert("new", now: now)
        filter.insert("both", now: now)
        let long = String(repeating: "长", count: 100)
        filter.merge([
            (id: "old", seen: now - .seconds(2)), (id: "both", seen: now - .seconds(9)), (id: "", seen: now),
            (id: long, seen: now - .seconds(1)), (id: "oldest", seen: now - .seconds(9)),
        ])
        #expect(["new", "both", long].allSatisfy(filter.contains))
        #expect(!filter.contains("old") && !filter.contains("oldest") && !filter.contains(""))
        let (isBoth, isLong) = (
            filter.isDuplicate("both", now: now + .seconds(9)), filter.isDuplicate(long, now: now + .seconds(9))
        )
        #expect(isBoth && !isLong)
    }
}

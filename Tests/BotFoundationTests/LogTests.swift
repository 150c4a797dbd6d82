import BotFoundation
import TestSupport
import Testing

@Suite("Log")
struct LogTests {
    @Test("a line below the level is not even made", arguments: Log.Level.allCases)
    func lineBelowLevelIsNotMade(level: Log.Level) {
        let kept = Locked<[Log.Level]>([])
        let made = Locked(0)
        let log = Log(level: level) { record in kept.withLock { $0.append(record.level) } }
        func message() -> String {
            made.withLock { $0 += 1 }
            return "line"
        }
        for line in Log.Level.allCases { log(line, message()) }
        let wanted = Log.Level.allCases.filter { $0 >= level }
        #expect(kept.withLock { $0 } == wanted)
        #expect(made.withLock { $0 } == wanted.count)
    }

    @Test("facts keep their order")
    func factsKeepTheirOrder() {
        let capture = LogCapture()
        capture.log(.info, "line", [.count: "1", .bot: "b", .bytes: "2"])
        #expect(capture.records.first?.metadata.map(\.key) == [.count, .bot, .bytes])
        #expect(capture.records.first?.metadata.map(\.value) == ["1", "b", "2"])
    }
}

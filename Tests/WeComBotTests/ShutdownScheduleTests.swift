import BotFoundation
import Testing

@testable import WeComBot

/// The time to end, and how it is shared.
@Suite struct ShutdownScheduleTests {
    @Test func handlersHaveAllButThreeSeconds() {
        let usual = ShutdownSchedule(.seconds(10))
        #expect(usual.handlers == .seconds(7) && usual.verdicts == .milliseconds(1_500))
        #expect(usual.closing == .milliseconds(750) && usual.rest == .milliseconds(750))
        #expect(ShutdownSchedule(.seconds(600)).handlers == .seconds(597))
        #expect(ShutdownSchedule(.seconds(1)).handlers == .milliseconds(700))
        for milliseconds in [1_000, 1_001, 9_999, 10_000, 10_001, 599_999, 600_000] {
            #expect(ShutdownSchedule(.milliseconds(milliseconds)).total == .milliseconds(milliseconds))
        }
    }

    @Test(arguments: [
        ("1", true), ("600", true), ("2.5", true), ("0.999", false), ("600.001", false), ("0", false), ("-1", false),
        ("10s", false), ("十", false),
    ])
    func limits(text: String, isFine: Bool) throws {
        let wrong = problems(environment(["WECOM_SHUTDOWN_SECONDS": text]))
        #expect(wrong.isEmpty == isFine)
        #expect(wrong.allSatisfy { $0.hasPrefix("WECOM_SHUTDOWN_SECONDS: must be ") && $0.contains("1 to 600") })
        guard isFine else { return }
        let configuration = try Configuration.load(environment: environment(["WECOM_SHUTDOWN_SECONDS": text]))
        #expect(configuration.shutdownDeadline == .seconds(Double(text) ?? 0))
    }

    @Test func theFileHasItTooAndTheDefaultIsThatOfDocker() throws {
        #expect(try Configuration.load(environment: environment()).shutdownDeadline == .seconds(10))
        let directory = try TemporaryDirectory()
        let file = try directory.write("c.json", #"{"wecomaibot_shutdown_seconds": 25}"#.utf8)
        #expect(try Configuration.load(file: file, environment: environment()).shutdownDeadline == .seconds(25))
        let bad = try directory.write("bad.json", #"{"wecomaibot_shutdown_seconds": false}"#.utf8)
        #expect(problems(environment(), file: bad).count == 1)
    }

    @Test func limitsHoldInCode() throws {
        for (deadline, keys) in [
            (Duration.seconds(1), []), (.seconds(600), []), (.milliseconds(999), ["shutdownDeadline"]),
            (.milliseconds(600_001), ["shutdownDeadline"]),
        ] {
            var configuration = Configuration(botID: "b", secret: Secret("s"))
            configuration.shutdownDeadline = deadline
            do {
                try configuration.validate()
                #expect(keys.isEmpty)
            } catch {
                #expect(error.problems.map(\.key) == keys)
            }
        }
    }
}

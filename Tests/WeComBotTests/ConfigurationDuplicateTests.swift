import TestSupport
import Testing

@testable import WeComBot

@Suite struct ConfigurationDuplicateTests {
    @Test func tenMinutesUnlessItIsSaid() throws {
        #expect(try Configuration.load(environment: environment()).dispatcher.duplicateTimeToLive == .seconds(600))
    }

    @Test(arguments: [
        ("600", true), ("3600.5", true), ("86400", true), ("599.999", false), ("86401", false), ("0", false),
        ("x", false),
    ])
    func windowsHaveLimits(text: String, isFine: Bool) throws {
        let wrong = problems(environment(["WECOM_DUPLICATE_WINDOW_SECONDS": text]))
        #expect(wrong.isEmpty == isFine)
        #expect(
            wrong.allSatisfy { $0.hasPrefix("WECOM_DUPLICATE_WINDOW_SECONDS: must be ") && $0.contains("600 to 86400") }
        )
    }

    @Test func theyComeFromTheFileAndTheEnvironment() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("c.json", #"{"wecomaibot_duplicate_window": 700}"#.utf8)
        let one = try Configuration.load(file: file, environment: environment())
        #expect(one.dispatcher.duplicateTimeToLive == .seconds(700))
        let both = try Configuration.load(
            file: file,
            environment: environment(["WECOM_DUPLICATE_WINDOW_SECONDS": "800"])
        )
        #expect(both.dispatcher.duplicateTimeToLive == .seconds(800))
    }

    @Test func limitsHoldInCode() throws {
        var configuration = Configuration(botID: "b", secret: Secret("s"))
        configuration.duplicateWindow = .seconds(86_400)
        try configuration.validate()
        for window in [Duration.seconds(86_400) + .nanoseconds(1), .seconds(600) - .nanoseconds(1)] {
            configuration.duplicateWindow = window
            let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
            #expect(error?.problems.map(\.key) == ["duplicateWindow"])
        }
    }
}

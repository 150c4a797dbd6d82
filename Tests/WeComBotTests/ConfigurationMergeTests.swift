import TestSupport
import Testing

@testable import WeComBot

@Suite struct ConfigurationMergeTests {
    @Test func nothingIsMergedUnlessItIsSaid() throws {
        #expect(try Configuration.load(environment: environment()).dispatcher.mergeWindow == .zero)
    }

    @Test(arguments: [
        ("0", true), ("0.8", true), ("5", true), ("5.001", false), ("-1", false), ("800", false), ("x", false),
    ])
    func windowsHaveLimits(text: String, isFine: Bool) throws {
        let wrong = problems(environment(["WECOM_MERGE_WINDOW": text]))
        #expect(wrong.isEmpty == isFine)
        #expect(wrong.allSatisfy { $0.hasPrefix("WECOM_MERGE_WINDOW: must be ") && $0.contains("0 to 5") })
    }

    @Test func theyComeFromTheFileAndTheEnvironment() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("c.json", #"{"wecomaibot_merge_window": 0.6}"#.utf8)
        #expect(
            try Configuration.load(file: file, environment: environment()).dispatcher.mergeWindow == .milliseconds(600)
        )
        let both = try Configuration.load(file: file, environment: environment(["WECOM_MERGE_WINDOW": "2"]))
        #expect(both.dispatcher.mergeWindow == .seconds(2))
    }

    @Test func limitsHoldInCode() throws {
        var configuration = Configuration(botID: "b", secret: Secret("s"))
        configuration.mergeWindow = .seconds(5)
        try configuration.validate()
        for window in [Duration.seconds(5) + .nanoseconds(1), .nanoseconds(-1)] {
            configuration.mergeWindow = window
            let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
            #expect(error?.problems.map(\.key) == ["mergeWindow"])
        }
    }
}

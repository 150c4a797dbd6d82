import Testing
import WeComAIBot

@testable import WeComBot

@Suite struct ConfigurationRatesTests {
    @Test func ratesComeFromTheEnvironment() throws {
        let configuration = try Configuration.load(
            environment: environment([
                "WECOM_RATE_PER_MINUTE": " 7 ", "WECOM_RATE_PER_HOUR": "77", "WECOM_REFRESHES_COST": "True",
            ])
        )
        let expected = RateLimits(perMinute: 7, perHour: 77, refreshesCost: true)
        #expect(try configuration.longConnection().rateLimits == expected)
    }

    @Test(arguments: [("20", "200", "true"), (#""20""#, #""200""#, #""1""#), ("20.0", "2e2", #""TRUE""#)])
    func ratesComeFromTheFile(minute: String, hour: String, flag: String) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            "c.json",
            """
            {"wecomaibot_rate_per_minute": \(minute), "wecomaibot_rate_per_hour": \(hour),
             "wecomaibot_refreshes_cost": \(flag)}
            """.utf8
        )
        let configuration = try Configuration.load(file: file, environment: environment())
        #expect(configuration.ratePerMinute == 20 && configuration.ratePerHour == 200 && configuration.refreshesCost)
    }

    @Test(arguments: [
        (
            "WECOM_RATE_PER_MINUTE", ["1", "30"],
            ["0", "31", "-1", "+1", "1.5", "x", "１", String(repeating: "9", count: 40)]
        ),
        ("WECOM_RATE_PER_HOUR", ["1", "1000"], ["0", "1001", "1e3", "1_000"]),
        ("WECOM_REFRESHES_COST", ["true", "false", "1", "0", "FALSE"], ["yes", "2", "truth", "是"]),
    ])
    func limitsInTheEnvironment(variable: String, good: [String], bad: [String]) {
        for text in good { #expect(problems(environment([variable: text])) == [], "\(text)") }
        for text in bad {
            let wrong = problems(environment([variable: text]))
            #expect(wrong.count == 1 && wrong[0].hasPrefix("\(variable): must be "), "\(text)")
        }
    }

    @Test(arguments: [
        ("wecomaibot_rate_per_minute", ["0", "31", "1.5", "true", "[30]", "1e300", "{}"]),
        ("wecomaibot_rate_per_hour", ["0", "1001", "false"]),
        ("wecomaibot_refreshes_cost", ["1", "0", "[]", #""maybe""#]),
    ])
    func badValuesInTheFile(key: String, values: [String]) throws {
        let directory = try TemporaryDirectory()
        for value in values {
            let file = try directory.write("c.json", #"{"\#(key)": \#(value)}"#.utf8)
            let wrong = problems(environment(), file: file)
            #expect(wrong.count == 1 && wrong[0].hasPrefix("\(key): must be "), "\(value)")
        }
    }

    @Test func limitsHoldInCode() throws {
        for (minute, hour, keys) in [
            (1, 1, []), (30, 1_000, []), (0, 1_001, ["ratePerMinute", "ratePerHour"]),
            (31, 0, ["ratePerMinute", "ratePerHour"]),
        ] {
            var configuration = Configuration(botID: "b", secret: Secret("s"))
            configuration.ratePerMinute = minute
            configuration.ratePerHour = hour
            do {
                try configuration.validate()
                #expect(keys.isEmpty)
            } catch {
                #expect(error.problems.map(\.key) == keys)
            }
        }
    }
}

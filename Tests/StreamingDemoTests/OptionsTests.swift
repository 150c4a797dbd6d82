import Testing
import WeComBot

@testable import StreamingDemo

struct OptionsTests {
    @Test func everyOptionIsRead() throws {
        let options = try Options(["--fast", "--config", "a.json"])
        #expect(options.isFast && options.file == "a.json" && options.command == .run)
        #expect(try Options(["--config=b.json"]).file == "b.json")
        #expect(try Options(["-h"]).command == .help)
    }

    @Test(arguments: [["--fats"], ["--config"], ["--config="], ["--fast=1"], ["x"], [""]])
    func whatMakesNoSenseIsRefused(_ arguments: [String]) {
        #expect(throws: Options.Problem.self) { try Options(arguments) }
    }

    @Test func aMisspeltOptionGetsAHint() {
        #expect(throws: Options.Problem(description: "unknown option --fats; did you mean --fast?")) {
            try Options(["--fats"])
        }
    }

    @Test(arguments: [
        [:], ["WECOM_LOG_LEVEL": "debug"], ["WECOM_WS_URL": "wss://gateway.example"], ["WECOM_CONFIG": ""],
    ])
    func withoutCredentialsItPlays(_ environment: [String: String]) throws {
        #expect(try StreamingDemo.configuration(Options([]), environment) == nil)
    }

    @Test(arguments: [
        ["WECOM_BOT_ID": "b"], ["WECOM_BOT_SECRET": "s"], ["WECOM_BOT_ID": ""], ["WECOM_WS_URL": "nonsense"],
        ["WECOM_BOTID": "b"],
        ["WECOM_CONFIG": "/does/not/exist"],
        ["WECOM_BOT_ID": "b", "WECOM_BOT_SECRET": "s", "WECOM_HEARTBEAT_SECONDS": "0"],
    ])
    func whatIsIncompleteOrWrongIsAnError(_ environment: [String: String]) {
        #expect(throws: ConfigurationError.self) { try StreamingDemo.configuration(Options([]), environment) }
    }

    @Test func withCredentialsItConnects() throws {
        let environment = ["WECOM_BOT_ID": "b", "WECOM_BOT_SECRET": "s"]
        #expect(try StreamingDemo.configuration(Options([]), environment)?.botID == "b")
    }
}

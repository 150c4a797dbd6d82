import BotFoundation
import LWSTransport
import Testing

@testable import WeComBot

@Suite struct ConfigurationSecretsTests {
    /// Everything a program could print of `value`.
    private func printed(_ value: some Any) -> String {
        var dumped = ""
        dump(value, to: &dumped)
        return [String(describing: value), String(reflecting: value), dumped].joined(separator: "\n")
    }

    @Test func aConfigurationNeverPrintsItsSecret() throws {
        let configuration = try Configuration.load(
            environment: environment(["WECOM_BOT_SECRET": "hunter2", "WECOM_PROXY": "http://me:hunter2@proxy"])
        )
        #expect(configuration.secret.value == "hunter2")
        #expect(configuration.httpProxy?.proxy.credentials?.value == "me:hunter2")
        #expect(!printed(configuration).contains("hunter2"))
        #expect(configuration.httpProxy?.description == "http://•••@proxy:80")
    }

    @Test(arguments: [
        ["WECOM_BOT_SECRET": "hunter2 with spaces"],
        ["WECOM_BOT_SECRET": "hunter2\u{7}"],
        ["WECOM_BOT_ID": "hunter2 pasted"],
        ["WECOM_WS_URL": "wss://me:hunter2@host"],
        ["WECOM_WS_URL": "hunter2"],
        ["WECOM_HEARTBEAT_SECONDS": "hunter2"],
        ["WECOM_CONNECTION_MODE": "hunter2"],
        ["WECOM_LOG_LEVEL": "hunter2"],
        ["WECOM_PROXY": "http://me:hunter2%zz@proxy"],
        ["WECOM_PROXY": "socks5://me:hunter2@proxy"],
        ["WECOM_CA_FILE": "/nowhere/hunter2"],
        ["WECOM_SECRET_KEY": "hunter2"],
        ["https_proxy": "ftp://me:hunter2@proxy"],
    ])
    func errorsNeverContainAValue(wrong: [String: String]) {
        let error = #expect(throws: ConfigurationError.self) { try Configuration.load(environment: environment(wrong)) }
        #expect(error?.problems.count == 1)
        #expect(!printed(error as Any).contains("hunter2"))
    }

    @Test(arguments: [
        "hunter2", "hunter2\"", "\"hunter2", "12hunter2", "1e999hunter2", "[\"hunter2\"]", "{\"hunter2\": 1}",
    ])
    func aFileWithAMalformedSecretDoesNotShowIt(literal: String) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("c.json", #"{"wecomaibot_ws_secret": \#(literal)}"#.utf8)
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.load(file: file, environment: ["WECOM_BOT_ID": "b"])
        }
        #expect(!printed(error as Any).contains("hunter2"))
    }
}

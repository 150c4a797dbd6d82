import BotCrypto
import BotFoundation
import Glibc
import LWSTransport
import Testing

@testable import WeComBot

@Suite struct ConfigurationTests {
    @Test func everythingButTheCredentialsHasADefault() throws {
        let configuration = try Configuration.load(environment: environment())
        #expect(configuration.mode == .longConnection)
        #expect(configuration.botID == "b")
        #expect(configuration.secret.value == "s")
        #expect(configuration.webSocketURL == "wss://openws.work.weixin.qq.com")
        #expect(configuration.certificateAuthorityFile == nil)
        #expect(configuration.heartbeatInterval == .seconds(30))
        #expect(configuration.streamWindow == .seconds(330))
        #expect(configuration.botName == "")
        #expect(configuration.httpProxy == nil)
        #expect(configuration.logLevel == .info)
        #expect(configuration.logFormat == .text)
        #expect(configuration.ratePerMinute == 30)
        #expect(configuration.ratePerHour == 1_000)
        #expect(!configuration.refreshesCost)
        try configuration.validate()
    }

    @Test(arguments: ConfigurationFixtures.files(in: "good"))
    func goodFilesGiveTheSameCredentials(path: String) throws {
        let configuration = try Configuration.load(file: path, environment: [:])
        #expect(configuration.botID == "aibOT-0123456789")
        #expect(configuration.secret.value == "s3cr3t-of-the-file")
        #expect(configuration.heartbeatInterval == .seconds(30))
        #expect(configuration.webSocketURL == Configuration.defaultWebSocketURL)
        try configuration.validate()
    }

    @Test(arguments: ConfigurationFixtures.files(in: "bad"))
    func badFilesNameEveryProblemAndNoSecret(path: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try Configuration.load(file: path, environment: [:]) }
        let folder = path.prefix(through: try #require(path.lastIndex(of: "/")))
        let description = try #require(error).description.split(separator: folder).joined()
        #expect(description + "\n" == (try ConfigurationFixtures.text(path.dropLast(5) + ".txt")))
        #expect(!description.contains("s3cr3t"))
    }

    @Test func fixturesAreFound() {
        #expect(ConfigurationFixtures.files(in: "good").count >= 7)
        #expect(ConfigurationFixtures.files(in: "bad").count >= 18)
    }

    @Test func theEnvironmentWinsOverTheFile() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            "c.json",
            #"""
            {"wecomaibot_ws_bot_id": "f", "wecomaibot_ws_secret": "f", "wecomaibot_ws_url": "wss://f",
             "wecomaibot_heartbeat_interval": 10, "wecomaibot_stream_window": 20, "wecom_ai_bot_name": "f", "wecomaibot_proxy": "http://f",
             "log_level": "error", "wecom_ai_bot_connection_mode": "webhook", "wecomaibot_ca_file": "/nowhere"}
            """#.utf8
        )
        let authority = try directory.write("ca.pem", CertificateAuthority().certificatePEM)
        let configuration = try Configuration.load(environment: [
            "WECOM_CONFIG": file, "WECOM_BOT_ID": "e", "WECOM_BOT_SECRET": "es", "WECOM_WS_URL": "ws://e:8080/p",
            "WECOM_HEARTBEAT_SECONDS": "1.5", "WECOM_BOT_NAME": "名字", "WECOM_PROXY": "e:3128",
            "WECOM_STREAM_WINDOW_SECONDS": "45", "WECOM_LOG_LEVEL": "Trace", "WECOM_CONNECTION_MODE": "long_connection",
            "WECOM_CA_FILE": authority,
        ])
        #expect(configuration.botID == "e")
        #expect(configuration.secret.value == "es")
        #expect(configuration.webSocketURL == "ws://e:8080/p")
        #expect(configuration.heartbeatInterval == .milliseconds(1_500))
        #expect(configuration.streamWindow == .seconds(45))
        #expect(configuration.botName == "名字")
        #expect(configuration.httpProxy?.description == "http://e:3128")
        #expect(configuration.logLevel == .trace)
        #expect(configuration.certificateAuthorityFile == authority)
    }

    @Test func theStatusPortIsOffUnlessSet() throws {
        #expect(try Configuration.load(environment: environment()).statusServer == nil)
        let configuration = try Configuration.load(
            environment: environment(["WECOM_STATUS_PORT": "65535", "WECOM_STATUS_HOST": "::1"])
        )
        #expect(configuration.statusServer?.authority == "[::1]:65535")
        #expect(problems(environment(["WECOM_STATUS_PORT": "0"])).isEmpty)
        for text in ["65536", "-1", "+80", "80.5", "x"] {
            #expect(
                problems(environment(["WECOM_STATUS_PORT": text])) == [
                    "WECOM_STATUS_PORT: must be a port from 1 to 65535, or 0 for none"
                ]
            )
        }
        #expect(problems(environment(["WECOM_STATUS_HOST": "localhost"])).first?.contains("numeric address") == true)
        let directory = try TemporaryDirectory()
        let json = #"{"wecomaibot_ws_bot_id": "f", "wecomaibot_ws_secret": "f", "wecomaibot_status_port": 9464}"#
        let file = try directory.write("c.json", json.utf8)
        #expect(try Configuration.load(file: file, environment: [:]).statusServer?.authority == "127.0.0.1:9464")
    }

    @Test func anEmptyVariableLeavesTheFileItsSay() throws {
        let file = ConfigurationFixtures.root + "/good/minimal.json"
        let configuration = try Configuration.load(environment: [
            "WECOM_CONFIG": file, "WECOM_BOT_ID": "", "WECOM_CA_FILE": "", "WECOM_HEARTBEAT_SECONDS": " ",
            "WECOM_PROXY": "", "WECOM_LOG_LEVEL": "", "WECOM_WS_URL": "", "WECOM_CONNECTION_MODE": "",
        ])
        #expect(configuration.botID == "aibOT-0123456789")
        #expect(configuration.certificateAuthorityFile == nil)
    }

    @Test func anEmptyConfigVariableMeansNoFile() {
        #expect(problems(environment(["WECOM_CONFIG": ""])) == [])
    }

    @Test func theArgumentWinsOverTheConfigVariable() throws {
        let file = ConfigurationFixtures.root + "/good/minimal.json"
        #expect(problems(["WECOM_CONFIG": "/nowhere"], file: file) == [])
    }

    @Test func emptyCredentialsAreNamedByTheVariableThatIsEmpty() {
        #expect(
            problems(["WECOM_BOT_ID": "", "WECOM_BOT_SECRET": " "]) == [
                "WECOM_BOT_ID: empty; set WECOM_BOT_ID, or wecomaibot_ws_bot_id in the file, to the bot's id",
                "WECOM_BOT_SECRET: empty; set WECOM_BOT_SECRET, or wecomaibot_ws_secret in the file, to the bot's secret",
            ]
        )
    }

    @Test func severalWrongVariablesAreReportedAtOnce() {
        let wrong = problems([
            "WECOM_BOT_ID": "", "WECOM_BOT_SECRET": "s", "WECOM_WS_URL": "not a url", "WECOM_HEARTBEAT_SECONDS": "0",
            "WECOM_HEARTBEAT_SECOND": "5", "WECOM_CONNECTION_MODE": "webhok", "HOME": "/", "wecom_bot": "x",
        ])
        #expect(
            wrong.map { String($0.prefix { $0 != ":" }) } == [
                "WECOM_CONNECTION_MODE", "WECOM_BOT_ID", "WECOM_WS_URL", "WECOM_HEARTBEAT_SECONDS",
                "WECOM_HEARTBEAT_SECOND",
            ]
        )
        #expect(wrong.last == "WECOM_HEARTBEAT_SECOND: unknown key; did you mean WECOM_HEARTBEAT_SECONDS?")
    }

    @Test(arguments: [
        ("yield", DisplacementPolicy.yield), (" Take_Over ", .takeOver), ("stop", .stop), ("", .yield),
    ])
    func theDisplacementPolicyIsRead(text: String, policy: DisplacementPolicy) throws {
        let configuration = try Configuration.load(environment: environment(["WECOM_ON_DISPLACED": text]))
        #expect(configuration.onDisplaced == policy)
        #expect(try configuration.longConnection().displacementPolicy == policy)
    }

    @Test func anUnknownDisplacementPolicyIsNamed() {
        #expect(
            problems(environment(["WECOM_ON_DISPLACED": "takeover"])) == [
                "WECOM_ON_DISPLACED: is not known; write one of yield, take_over, stop"
            ]
        )
    }

    @Test func credentialsOfTheOtherModeAreAccepted() {
        #expect(problems(environment(["WECOM_TOKEN": "x", "WECOM_ENCODING_AES_KEY": "x"])) == [])
    }

    @Test func aFileThatCannotBeReadDoesNotMakeTheCredentialsMissing() throws {
        let directory = try TemporaryDirectory()
        #expect(problems(["WECOM_CONFIG": "/nowhere/c.json"]) == ["WECOM_CONFIG: names a file that does not exist"])
        #expect(
            problems([:], file: directory.path) == ["file: names a directory; write the path of a file"]
        )
        #expect(problems([:], file: "/dev/null") == ["file: does not name a regular file"])
        #expect(problems([:], file: "/etc/passwd\u{0}.json") == ["file: is not a path: it contains a zero byte"])
        let pipe = directory.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(problems([:], file: pipe) == ["file: does not name a regular file"])
    }

    @Test func aFileMayHaveOneMebibyte() throws {
        let directory = try TemporaryDirectory()
        let json = Array(#"{"wecomaibot_ws_bot_id": "b", "wecomaibot_ws_secret": "s"}"#.utf8)
        let padding = [UInt8](repeating: 0x20, count: (1 << 20) - json.count)
        #expect(problems([:], file: try directory.write("limit.json", json + padding)) == [])
        let larger = try directory.write("larger.json", json + padding + [0x20])
        #expect(problems([:], file: larger) == ["file: names a file of more than 1048576 bytes"])
    }

    @Test func theCertificateAuthorityFileMustHoldACertificate() throws {
        let directory = try TemporaryDirectory()
        let key = try directory.write("key.pem", "-----BEGIN PRIVATE KEY-----\n".utf8)
        #expect(
            problems(environment(["WECOM_CA_FILE": key])) == [
                "WECOM_CA_FILE: names a file without a PEM certificate (-----BEGIN CERTIFICATE-----)"
            ]
        )
        let certificate = try directory.write("ca.pem", Array("# CA\n".utf8) + CertificateAuthority().certificatePEM)
        #expect(problems(environment(["WECOM_CA_FILE": certificate])) == [])
        let cut = try directory.write("cut.pem", CertificateAuthority().certificatePEM.prefix(200))
        #expect(
            problems(environment(["WECOM_CA_FILE": cut])) == [
                "WECOM_CA_FILE: names a file that holds a PEM certificate that is damaged or cut off"
            ]
        )
        #expect(
            problems(environment(["WECOM_CA_FILE": directory.path])) == [
                "WECOM_CA_FILE: names a directory; write the path of a file"
            ]
        )
    }

    @Test(arguments: ["1", "1.0", " 30 ", "300", "299.999"])
    func heartbeatsWithinTheLimits(text: String) {
        #expect(problems(environment(["WECOM_HEARTBEAT_SECONDS": text])) == [])
    }

    @Test(arguments: [
        "0", "0.999", "300.001", "301", "-1", "nan", "inf", "0x1E", "3e1", "30s", "1,5", ".", "1.2.3", "１０",
        String(repeating: "9", count: 400),
    ])
    func heartbeatsOutsideTheLimits(text: String) {
        let wrong = problems(environment(["WECOM_HEARTBEAT_SECONDS": text]))
        #expect(wrong.count == 1)
        #expect(wrong.first?.hasPrefix("WECOM_HEARTBEAT_SECONDS: must be ") == true)
    }

    @Test(arguments: ["1", "300", #""5""#, "2.5", "1e1"])
    func heartbeatsInTheFileMayBeNumbersOrText(literal: String) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("c.json", #"{"wecomaibot_heartbeat_interval": \#(literal)}"#.utf8)
        #expect(problems(environment(), file: file) == [])
    }

    @Test(arguments: ["0", "301", "0.5", "-1", "[30]", "{}", "false", #""0""#, #""301""#, "1e300"])
    func otherHeartbeatsInTheFile(literal: String) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("c.json", #"{"wecomaibot_heartbeat_interval": \#(literal)}"#.utf8)
        #expect(problems(environment(), file: file).count == 1)
    }

    @Test(arguments: [("10", true), ("600", true), ("9.999", false), ("600.001", false), ("330 s", false)])
    func streamWindowsHaveLimits(text: String, isFine: Bool) throws {
        let wrong = problems(environment(["WECOM_STREAM_WINDOW_SECONDS": text]))
        #expect(wrong.isEmpty == isFine)
        #expect(wrong.allSatisfy { $0.hasPrefix("WECOM_STREAM_WINDOW_SECONDS: must be ") && $0.contains("10 to 600") })
        guard isFine else { return }
        let configuration = try Configuration.load(environment: environment(["WECOM_STREAM_WINDOW_SECONDS": text]))
        let window = try configuration.longConnection().streamWindow
        #expect(window == .seconds(Int(text) ?? 0))
    }

    @Test func logLevelsAreThoseOfTheLog() throws {
        for level in Log.Level.allCases {
            let configuration = try Configuration.load(environment: environment(["WECOM_LOG_LEVEL": "\(level)"]))
            #expect(configuration.logLevel == level)
        }
    }

    @Test func logFormatsAreTextAndJSON() throws {
        for (text, format) in [("text", Log.Format.text), ("json", .json), (" JSON ", .json)] {
            let configuration = try Configuration.load(environment: environment(["WECOM_LOG_FORMAT": text]))
            #expect(configuration.logFormat == format)
        }
        let directory = try TemporaryDirectory()
        let file = try directory.write("c.json", #"{"log_format": "json"}"#.utf8)
        #expect(try Configuration.load(file: file, environment: environment()).logFormat == .json)
        #expect(
            problems(environment(["WECOM_LOG_FORMAT": "xml"])) == [
                "WECOM_LOG_FORMAT: is not a known format; write one of text, json"
            ]
        )
    }

    @Test func aConfigurationMadeInCodeIsCheckedTheSameWay() {
        var configuration = Configuration(botID: " ", secret: Secret("two words"))
        configuration.webSocketURL = "wss://host#fragment"
        configuration.certificateAuthorityFile = "/nowhere/ca.pem"
        configuration.heartbeatInterval = .seconds(300) + .nanoseconds(1)
        configuration.streamWindow = .seconds(10) - .nanoseconds(1)
        configuration.botName = "a\u{1B}b"
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(
            error?.problems.map(\.key) == [
                "botID", "secret", "webSocketURL", "certificateAuthorityFile", "heartbeatInterval",
                "streamWindow", "botName",
            ]
        )
        #expect(error?.problems.allSatisfy { $0.source == "Configuration" } == true)
        #expect(throws: ConfigurationError.self) { try configuration.longConnection() }
    }

    @Test(arguments: [Duration.seconds(1), .seconds(300)])
    func heartbeatLimitsHoldInCode(interval: Duration) throws {
        var configuration = Configuration(botID: "b", secret: Secret("s"))
        configuration.heartbeatInterval = interval
        try configuration.validate()
        configuration.heartbeatInterval = interval == .seconds(1) ? .milliseconds(999) : .milliseconds(300_001)
        #expect(throws: ConfigurationError.self) { try configuration.validate() }
        configuration.heartbeatInterval = .seconds(Int64.max)
        #expect(throws: ConfigurationError.self) { try configuration.validate() }
    }

    @Test func aProblemIsOneLineWhateverThePathIs() {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.load(file: "/nowhere/\u{1B}[2J\nforged", environment: [:])
        }
        #expect(error?.description == #"file (/nowhere/\u{1b}[2J\nforged): names a file that does not exist"#)
    }

    @Test func theExitStatusIsThatOfSysexits() {
        #expect(ConfigurationError.exitStatus == 78)
    }
}

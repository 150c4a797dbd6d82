import BotCrypto
import BotFoundation
import LWSTransport
import Testing
import WeComAIBot

@testable import WeComBot

/// The settings of webhook mode.
@Suite struct ConfigurationCallbackTests {
    private static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

    private func environment(_ more: [String: String] = [:]) -> [String: String] {
        [
            "WECOM_CONNECTION_MODE": "webhook", "WECOM_TOKEN": "t", "WECOM_ENCODING_AES_KEY": Self.key,
        ].merging(more) { $1 }
    }

    private func webhook(_ more: [String: String] = [:]) throws -> WebhookServerConfiguration? {
        let configuration = try Configuration.load(environment: environment(more))
        guard case .webhook(let webhook) = try configuration.channel() else { return nil }
        return webhook
    }

    @Test func aTokenAndAKeyAreEnough() throws {
        let webhook = try #require(try webhook())
        #expect(webhook.server?.authority == "0.0.0.0:6198")
        #expect(webhook.server?.tls == nil)
        #expect(webhook.endpoint.path == "/webhook/wecom-ai-bot")
        #expect(webhook.endpoint.firstText == nil && webhook.endpoint.streamWindow == .seconds(330))
        #expect(try Configuration.load(environment: environment()).dispatcher.replyWindow == .seconds(3_600))
        try Configuration(token: Secret("t"), encodingAESKey: Secret(Self.key)).validate()
    }

    @Test func everythingCanBeSet() throws {
        let webhook = try #require(
            try webhook([
                "WECOM_CALLBACK_HOST": "::1", "WECOM_CALLBACK_PORT": "65535", "WECOM_INIT_RESPOND_TEXT": "💭 思考中…",
                "WECOM_STREAM_WINDOW_SECONDS": "60", "WECOM_BOT_ID": "two words", "WECOM_BOT_SECRET": "",
            ])
        )
        #expect(webhook.server?.authority == "[::1]:65535")
        #expect(webhook.endpoint.firstText == "💭 思考中…" && webhook.endpoint.streamWindow == .seconds(60))
    }

    @Test func theFileIsTheOldOneAndItsShortKeysWin() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            "c.json",
            #"""
            {"type": "wecom_ai_bot", "wecom_ai_bot_connection_mode": "webhook", "token": "short", "wecomaibot_token": "long",
             "wecomaibot_encoding_aes_key": "\#(Self.key)", "callback_server_host": "127.0.0.1", "port": 6199,
             "wecomaibot_init_respond_text": "", "unified_webhook_mode": true, "webhook_uuid": "0123456789abcdef"}
            """#.utf8
        )
        let configuration = try Configuration.load(file: file, environment: [:])
        #expect(configuration.token.value == "short" && configuration.encodingAESKey.value == Self.key)
        #expect(configuration.callbackPort == 6_199 && configuration.callbackHost == "127.0.0.1")
        guard case .webhook(let webhook) = try configuration.channel() else {
            Issue.record("another mode")
            return
        }
        #expect(webhook.server?.authority == "127.0.0.1:6199" && webhook.endpoint.firstText == nil)
    }

    @Test func portZeroIsForAHostWithAServerOfItsOwn() throws {
        let webhook = try #require(try webhook(["WECOM_CALLBACK_PORT": "0"]))
        #expect(webhook.server == nil && webhook.endpoint.path == nil)
    }

    @Test func theLongConnectionNeedsNoPortAndMayHaveOne() throws {
        func callback(_ more: [String: String]) throws -> HTTPServerConfiguration? {
            let credentials = ["WECOM_BOT_ID": "b", "WECOM_BOT_SECRET": "s"]
            let configuration = try Configuration.load(environment: credentials.merging(more) { $1 })
            guard case .longConnection(_, let callback) = try configuration.channel() else { return nil }
            return callback
        }
        #expect(try callback([:]) == nil)
        #expect(try callback(["WECOM_CALLBACK_PORT": "0"]) == nil)
        #expect(try callback(["WECOM_CALLBACK_PORT": "6198"])?.authority == "0.0.0.0:6198")
        #expect(try callback(["WECOM_TOKEN": "x y", "WECOM_ENCODING_AES_KEY": "x"]) == nil, "of the other mode")
    }

    @Test(arguments: ["", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh", "你好"])
    func aWrongKeyIsNamed(key: String) {
        let wrong = problems(environment(["WECOM_ENCODING_AES_KEY": key]))
        #expect(wrong.count == 1 && wrong.first?.hasPrefix("WECOM_ENCODING_AES_KEY: ") == true)
    }

    @Test(arguments: ["65536", "-1", "+80", "x"])
    func aWrongPortIsNamed(port: String) {
        let expected = ["WECOM_CALLBACK_PORT: must be a port from 1 to 65535, or 0 for none"]
        #expect(problems(environment(["WECOM_CALLBACK_PORT": port])) == expected)
    }

    @Test func aFirstTextHas20480Bytes() {
        let text = String(repeating: "字", count: 6_826) + "ab"
        #expect(problems(environment(["WECOM_INIT_RESPOND_TEXT": text])) == [])
        #expect(
            problems(environment(["WECOM_INIT_RESPOND_TEXT": text + "c"])) == [
                "WECOM_INIT_RESPOND_TEXT: must have at most 20480 bytes"
            ]
        )
    }

    @Test func tlsNeedsBothFiles() throws {
        let directory = try TemporaryDirectory()
        let authority = try CertificateAuthority()
        let issued = try authority.issue(names: ["localhost"])
        let certificate = try directory.write("certificate.pem", issued.certificatePEM)
        let key = try directory.write("key.pem", issued.privateKeyPEM)
        let both = ["WECOM_CALLBACK_CERTIFICATE_FILE": certificate, "WECOM_CALLBACK_KEY_FILE": key]
        let webhook = try #require(try webhook(both))
        #expect(webhook.server?.tls?.certificatePEM == issued.certificatePEM)
        #expect(webhook.server?.tls?.privateKeyPEM == issued.privateKeyPEM)
        for name in both.keys {
            let wrong = problems(environment([name: both[name] ?? ""]))
            #expect(wrong.count == 1 && wrong.first?.hasPrefix("\(name): names one of the two files") == true)
        }
        let swapped = ["WECOM_CALLBACK_CERTIFICATE_FILE": key, "WECOM_CALLBACK_KEY_FILE": certificate]
        #expect(
            problems(environment(swapped)) == [
                "WECOM_CALLBACK_CERTIFICATE_FILE: names a file without a PEM certificate (-----BEGIN CERTIFICATE-----)",
                "WECOM_CALLBACK_KEY_FILE: names a file without a PEM private key (-----BEGIN PRIVATE KEY-----)",
            ]
        )
    }

    @Test func aConfigurationMadeInCodeIsCheckedTheSameWay() {
        var configuration = Configuration(token: Secret("two words"), encodingAESKey: Secret("short"))
        configuration.callbackHost = "localhost"
        configuration.callbackKeyFile = "/nowhere"
        configuration.firstText = String(repeating: "a", count: 20_481)
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(
            error?.problems.map(\.key) == [
                "token", "encodingAESKey", "callbackHost", "callbackCertificateFile", "callbackKeyFile", "firstText",
            ]
        )
    }
}

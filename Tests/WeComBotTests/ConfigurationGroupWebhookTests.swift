import BotFoundation
import LWSTransport
import Testing
import WeComAIBot

@testable import WeComBot

/// The settings of the group webhook.
@Suite struct ConfigurationGroupWebhookTests {
    private static let url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=hunter2"
    private static let webhookMode = [
        "WECOM_CONNECTION_MODE": "webhook", "WECOM_TOKEN": "t",
        "WECOM_ENCODING_AES_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    ]

    private func groupWebhook(_ configuration: Configuration) throws -> GroupWebhookConfiguration? {
        switch try configuration.channel() {
        case .longConnection(let connection, _): connection.groupWebhook
        case .webhook(let webhook): webhook.groupWebhook
        }
    }

    @Test func thereIsNoneUnlessNamed() throws {
        for blank in [nil, "", " \n"] {
            let more = ["WECOM_PUSH_WEBHOOK_URL": blank, "WECOM_ONLY_USE_PUSH_WEBHOOK": blank].compactMapValues(\.self)
            for mode in [Self.webhookMode, environment()] {
                #expect(try groupWebhook(Configuration.load(environment: mode.merging(more) { $1 })) == nil)
            }
        }
    }

    @Test(arguments: [nil, "false", "true"]) func itReachesBothModes(only: String?) throws {
        let more = ["WECOM_PUSH_WEBHOOK_URL": " \(Self.url)\n", "WECOM_ONLY_USE_PUSH_WEBHOOK": only]
            .compactMapValues(\.self)
        for mode in [Self.webhookMode, environment()] {
            let proxied = ["https_proxy": "http://proxy:1"].merging(more) { $1 }
            let configuration = try Configuration.load(environment: mode.merging(proxied) { $1 })
            let webhook = try #require(try groupWebhook(configuration))
            #expect(webhook.address == (try GroupWebhookAddress(Secret(Self.url))))
            #expect(webhook.isOnlyWay == (only == "true"))
            #expect(webhook.proxies == configuration.mediaProxies && webhook.proxies.secure != nil)
            #expect(webhook.trust == .system)
        }
    }

    @Test func theFileIsTheOldOne() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            "c.json",
            #"""
            {"type": "wecom_ai_bot", "wecom_ai_bot_connection_mode": "long_connection", "wecomaibot_ws_bot_id": "b",
             "wecomaibot_ws_secret": "s", "msg_push_webhook_url": " \#(Self.url) ", "only_use_webhook_url_to_send": true}
            """#.utf8
        )
        let webhook = try #require(try groupWebhook(Configuration.load(file: file, environment: [:])))
        #expect(webhook.isOnlyWay)
        let off = ["WECOM_ONLY_USE_PUSH_WEBHOOK": "0"]
        #expect(try groupWebhook(Configuration.load(file: file, environment: off))?.isOnlyWay == false)
    }

    @Test(arguments: [
        "hunter2", "http://h/send?key=hunter2", "https://h/send?key=", "https://h/hunter2",
        "https://h/send?key=hunter 2",
    ])
    func aWrongURLIsNamedAndNotRepeated(url: String) {
        for only in ["true", "false"] {
            let wrong = problems(
                environment(["WECOM_PUSH_WEBHOOK_URL": url, "WECOM_ONLY_USE_PUSH_WEBHOOK": only])
            )
            #expect(wrong.count == 1 && wrong.first?.hasPrefix("WECOM_PUSH_WEBHOOK_URL: ") == true)
            #expect(wrong.first?.contains("hunter2") == false)
        }
    }

    @Test func withoutTLSItsOriginMustBeAllowed() {
        let url = ["WECOM_PUSH_WEBHOOK_URL": "http://127.0.0.1:8/webhook/send?key=k"]
        #expect(problems(environment(url)).first?.contains("allowed origins") == true)
        let allowed = url.merging(["WECOM_MEDIA_ALLOWED_ORIGINS": "http://127.0.0.1:8"]) { $1 }
        #expect(problems(environment(allowed)) == [])
    }

    @Test func onlyThisWayNeedsAWay() throws {
        let wrong = problems(environment(["WECOM_ONLY_USE_PUSH_WEBHOOK": "true"]))
        #expect(
            wrong.count == 1 && wrong.first?.hasPrefix("WECOM_ONLY_USE_PUSH_WEBHOOK: needs a group webhook") == true
        )
        #expect(wrong.first?.contains("WECOM_PUSH_WEBHOOK_URL, or msg_push_webhook_url") == true)
        #expect(problems(environment(["WECOM_ONLY_USE_PUSH_WEBHOOK": "false"])) == [])
        #expect(
            problems(environment(["WECOM_ONLY_USE_PUSH_WEBHOOK": "yes"]))
                == ["WECOM_ONLY_USE_PUSH_WEBHOOK: must be true or false"]
        )
        let directory = try TemporaryDirectory()
        let file = try directory.write("c.json", #"{"only_use_webhook_url_to_send": true}"#.utf8)
        let named = problems(environment(), file: file)
        #expect(named.count == 1 && named.first?.hasPrefix("only_use_webhook_url_to_send: ") == true)
    }

    @Test func aConfigurationMadeInCodeIsCheckedTheSameWayAndShowsNothing() throws {
        var configuration = Configuration(botID: "b", secret: Secret("s"))
        configuration.onlyUsesGroupWebhook = true
        #expect(problemKeys(configuration) == ["onlyUsesGroupWebhook"])
        configuration.groupWebhookURL = Secret("http://h/send?key=hunter2")
        #expect(problemKeys(configuration) == ["groupWebhookURL"])
        configuration.mediaAllowedOrigins = ["nothing", "http://h"]
        #expect(problemKeys(configuration) == ["mediaAllowedOrigins"])
        configuration.mediaAllowedOrigins = ["http://h"]
        #expect(problemKeys(configuration) == [])
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("hunter2") && !"\(configuration)".contains("hunter2"))
        #expect(!"\(try configuration.channel())".contains("hunter2"))
    }

    private func problemKeys(_ configuration: Configuration) -> [String] {
        do throws(ConfigurationError) {
            try configuration.validate()
            return []
        } catch {
            return error.problems.map(\.key)
        }
    }
}

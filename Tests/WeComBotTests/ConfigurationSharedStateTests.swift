import BotFoundation
import BotRedis
import Testing

@testable import WeComBot

/// The setting of what several processes share.
@Suite struct ConfigurationSharedStateTests {
    private static let webhookMode = [
        "WECOM_CONNECTION_MODE": "webhook", "WECOM_TOKEN": "t",
        "WECOM_ENCODING_AES_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    ]

    private func name(_ environment: [String: String]) throws -> String? {
        switch try Configuration.load(environment: environment).channel() {
        case .webhook(let webhook): webhook.shared?.name
        case .longConnection: nil
        }
    }

    @Test func thereIsNothingUnlessNamed() throws {
        for blank in [nil, "", " \n"] {
            let more = ["WECOM_SHARED_STATE_URL": blank].compactMapValues(\.self)
            #expect(try name(Self.webhookMode.merging(more) { $1 }) == nil)
        }
    }

    @Test(arguments: [
        ("redis://h", "redis://h:6379/0"), (" redis://h:1/3\n", "redis://h:1/3"), ("REDIS://h/", "redis://h:6379/0"),
        ("redis://u:hunter2@redis.example:6380/15", "redis://redis.example:6380/15"),
        ("redis://:hunter2@[::1]", "redis://[::1]:6379/0"), ("redis://hunter2@h:65535", "redis://h:65535/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"), ("unix:///a%20b", "unix:///a b"),
    ])
    func everyFormIsUnderstood(url: String, shown: String) throws {
        #expect(try name(Self.webhookMode.merging(["WECOM_SHARED_STATE_URL": url]) { $1 }) == shown)
        let directory = try TemporaryDirectory()
        let file = try directory.write("c.json", #"{"wecomaibot_shared_state_url": "\#(url.trimmed)"}"#.utf8)
        let channel = try Configuration.load(file: file, environment: Self.webhookMode).channel()
        let read: String? = if case .webhook(let webhook) = channel { webhook.shared?.name } else { nil }
        #expect(read == shown)
    }

    @Test func userPasswordAndDatabaseAreDecoded() throws {
        let address = try #require(try ConfigurationRules.sharedState("redis://a%3Ab:p%40s%25:w@h/2147483647"))
        #expect(address.user == "a:b" && address.password?.value == "p@s%:w" && address.database == 2_147_483_647)
        let plain = try #require(
            try ConfigurationRules.sharedState("redis://:密%E7%A0%81@h".replacing("密", with: "%E5%AF%86"))
        )
        #expect(plain.user == nil && plain.password?.value == "密码")
        let open = try #require(try ConfigurationRules.sharedState("redis://h"))
        #expect(open.user == nil && open.password == nil && open.database == 0)
    }

    @Test(arguments: [
        "hunter2", "redis://", "redis://hunter2:x", "redis://h:0", "redis://h:65536", "rediss://u:hunter2@h",
        "http://hunter2", "redis://:hunter2%zz@h", "redis://:hunter2%00@h", "redis://:hunter2@h/x",
        "redis://:hunter2@h/-1",
        "redis://:hunter2@h/2147483648", "redis://:hunter2@h/1/2", "redis://:hunter2@h?db=1", "redis://:hunter 2@h",
        "unix://hunter2", "unix://", "unix:///hunter2?db=1", "unix:///hunter2%", "unix:///hunter2%0A",
    ])
    func aWrongURLIsNamedAndNotRepeated(url: String) {
        for mode in [Self.webhookMode, environment()] {
            let wrong = problems(mode.merging(["WECOM_SHARED_STATE_URL": url]) { $1 })
            #expect(wrong.count == 1 && wrong.first?.hasPrefix("WECOM_SHARED_STATE_URL: ") == true)
            #expect(wrong.first?.contains("hunter2") == false)
        }
    }

    @Test func keysTellBotsApartAndNoSecret() throws {
        func space(_ more: [String: String] = [:]) throws -> String {
            let environment = Self.webhookMode.merging(["WECOM_SHARED_STATE_URL": "redis://h"]) { $1 }.merging(more) {
                $1
            }
            guard case .webhook(let webhook) = try Configuration.load(environment: environment).channel(),
                let store = webhook.shared as? RedisStreamStore
            else { return "" }
            return store.space
        }
        let one = try space()
        #expect(one.count == 32 && one.allSatisfy(\.isHexDigit))
        #expect(try space() == one, "every process has the same")
        let other = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="
        #expect(try space(["WECOM_ENCODING_AES_KEY": other]) == one, "in either spelling")
        let others = try [
            space(["WECOM_TOKEN": "u"]),
            space(["WECOM_ENCODING_AES_KEY": "BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"]),
        ]
        #expect(Set(others + [one]).count == 3)
    }

    @Test func aSocketsPathMayHave107Bytes() {
        for (count, isRight) in [(107, true), (108, false)] {
            let url = "unix:///" + String(repeating: "a", count: count - 1)
            #expect(problems(environment(["WECOM_SHARED_STATE_URL": url])).isEmpty == isRight)
        }
    }

    @Test func aConfigurationMadeInCodeIsCheckedTheSameWayAndShowsNothing() throws {
        var configuration = Configuration(
            token: Secret("t"),
            encodingAESKey: Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
        )
        configuration.sharedStateURL = Secret("http://hunter2")
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error?.problems.map(\.key) == ["sharedStateURL"])
        configuration.sharedStateURL = Secret("redis://:hunter2@h")
        let channel = try configuration.channel()
        for value in [configuration as Any, channel] {
            var dumped = ""
            dump(value, to: &dumped)
            #expect(!dumped.contains("hunter2") && !"\(value)".contains("hunter2"))
        }
    }
}

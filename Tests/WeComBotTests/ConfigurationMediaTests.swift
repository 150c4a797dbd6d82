import BotFoundation
import LWSTransport
import Testing

@testable import WeComBot

@Suite struct ConfigurationMediaTests {
    @Test func noOriginIsAllowedUnlessNamed() throws {
        let configuration = try Configuration.load(environment: environment())
        #expect(configuration.mediaAllowedOrigins == [])
        #expect(try configuration.longConnection().mediaOrigins == [])
        #expect(
            try Configuration.load(environment: environment(["WECOM_MEDIA_ALLOWED_ORIGINS": " , ,"]))
                .mediaAllowedOrigins == []
        )
    }

    @Test func originsAreNormalisedAndReachTheConnection() throws {
        let list = " HTTPS://Minio.Corp ,http://127.0.0.1:*, https://[::1]:9000/,"
        let expected = ["https://minio.corp:443", "http://127.0.0.1:*", "https://[0:0:0:0:0:0:0:1]:9000"]
        let configuration = try Configuration.load(environment: environment(["WECOM_MEDIA_ALLOWED_ORIGINS": list]))
        #expect(configuration.mediaAllowedOrigins == expected)
        #expect(try configuration.longConnection().media.allowedOrigins.map(\.description) == expected)
        let directory = try TemporaryDirectory()
        let json =
            #"{"wecomaibot_ws_bot_id": "f", "wecomaibot_ws_secret": "f", "wecom_ai_bot_name": " 小 助手 ", "#
            + #""wecomaibot_media_allowed_origins": "https://minio.corp"}"#
        let file = try directory.write("c.json", json.utf8)
        let read = try Configuration.load(file: file, environment: [:])
        #expect(read.mediaAllowedOrigins == ["https://minio.corp:443"])
        #expect(try read.longConnection().botName == "小 助手")
    }

    @Test func everyWrongEntryIsAProblemOfItsOwnThatRepeatsNothing() {
        let list = "https://ok, ftp://h,https://u:s3cr3t@h,https://h/path,*,http://ok:1"
        let found = problems(environment(["WECOM_MEDIA_ALLOWED_ORIGINS": list]))
        #expect(found.count == 4)
        for (problem, number) in zip(found, 2...5) {
            #expect(problem.hasPrefix("WECOM_MEDIA_ALLOWED_ORIGINS: entry \(number) must "))
            #expect(problem.contains("scheme://host:port") && !problem.contains("s3cr3t"))
        }
    }

    @Test func originsMadeInCodeAreCheckedTheSameWay() {
        var configuration = Configuration(botID: "b", secret: Secret("s"))
        configuration.mediaAllowedOrigins = ["https://ok", "nothing", "file:///"]
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error?.problems.map(\.key) == ["mediaAllowedOrigins", "mediaAllowedOrigins"])
    }
}

import LWSTransport
import Testing

@testable import WeComBot

@Suite struct EnvironmentProxyTests {
    private func proxy(_ url: String, _ variables: [String: String]) throws -> String? {
        let variables = environment(variables.merging(["WECOM_WS_URL": url]) { $1 })
        return try Configuration.load(environment: variables).httpProxy?.proxy.host
    }

    @Test func theSchemeChoosesTheVariableAndLowerCaseGoesFirst() throws {
        let all = ["https_proxy": "secure", "HTTPS_PROXY": "SECURE", "http_proxy": "clear", "HTTP_PROXY": "CLEAR"]
        #expect(try proxy("wss://h.cn", all) == "secure")
        #expect(try proxy("ws://h.cn", all) == "clear")
        #expect(try proxy("wss://h.cn", ["HTTPS_PROXY": "SECURE"]) == "SECURE")
        #expect(try proxy("wss://h.cn", ["https_proxy": "", "HTTPS_PROXY": "SECURE"]) == "SECURE")
        #expect(try proxy("wss://h.cn", ["http_proxy": "clear"]) == nil)
        #expect(try proxy("wss://h.cn", ["http_proxy": "clear", "ALL_PROXY": "ALL"]) == "ALL")
        #expect(try proxy("wss://h.cn", ["https_proxy": "secure", "all_proxy": "all"]) == "secure")
    }

    @Test func theConfiguredProxyWins() throws {
        #expect(try proxy("wss://h.cn", ["https_proxy": "e", "WECOM_PROXY": "own", "no_proxy": "*"]) == "own")
    }

    @Test(arguments: ["wss://localhost", "wss://a.localhost:1", "wss://127.0.0.1", "wss://127.9.9.9", "wss://[::1]"])
    func thisMachineIsReachedDirectly(url: String) throws {
        #expect(try proxy(url, ["https_proxy": "e"]) == nil)
        #expect(try proxy(url, ["WECOM_PROXY": "own"]) == "own")
    }

    @Test func addressesThatOnlyLookLocalGoThroughTheProxy() throws {
        #expect(try proxy("wss://128.0.0.1", ["https_proxy": "e"]) == "e")
        #expect(try proxy("wss://notlocalhost", ["https_proxy": "e"]) == "e")
    }

    @Test(arguments: [
        ("*", true), ("h.cn", true), ("H.CN", true), (".h.cn", true), ("cn", true), ("a.cn, h.cn", true),
        ("h.cn:443", true),
        ("", false), (",", false), (".", false), ("h.c", false), ("xh.cn", false), ("h.cn:444", false),
        ("w.h.cn", false),
        (".n", false),
    ])
    func exceptions(list: String, isDirect: Bool) throws {
        #expect(try proxy("wss://h.cn", ["https_proxy": "e", "NO_PROXY": list]) == (isDirect ? nil : "e"))
    }

    @Test func exceptionsMayBeAddresses() {
        #expect(HTTPProxies.covers("10.0.0.1", host: "10.0.0.1", port: 443))
        #expect(HTTPProxies.covers("2001:db8::1", host: "2001:db8::1", port: 443))
        #expect(HTTPProxies.covers("[2001:db8::1]:443", host: "2001:db8::1", port: 443))
        #expect(HTTPProxies.covers("2001:db8::1", host: "2001:db8:0:0:0:0:0:1", port: 443))
        #expect(!HTTPProxies.covers("2001:db8::443", host: "2001:db8:", port: 443))
    }

    // MARK: Media

    private func mediaProxy(_ url: String, _ configuration: Configuration) throws -> String? {
        try configuration.longConnection().media.proxies.proxy(for: HTTPEndpoint(url))?.host
    }

    private func mediaProxy(
        _ url: String,
        gateway: String = "wss://h.cn",
        _ variables: [String: String]
    ) throws -> String? {
        let variables = environment(variables.merging(["WECOM_WS_URL": gateway]) { $1 })
        return try mediaProxy(url, Configuration.load(environment: variables))
    }

    @Test(arguments: [
        ("https://cos.cn/x", "secure"), ("http://cos.cn/x", "clear"), ("https://minio.corp:9000/x", nil),
        ("http://127.0.0.1:9000/x", nil), ("https://[::1]/x", nil), ("https://localhost/x", nil),
        ("https://h.cn/x", nil),
    ])
    func theProxyForMediaIsChosenByTheirHost(url: String, expected: String?) throws {
        let variables = ["https_proxy": "secure", "HTTP_PROXY": "clear", "no_proxy": "h.cn,.corp"]
        for gateway in ["wss://h.cn", "wss://gw.cn", "ws://gw.cn", "wss://127.0.0.1"] {
            #expect(try mediaProxy(url, gateway: gateway, variables) == expected, "\(gateway)")
        }
    }

    @Test func theConfiguredProxyWinsForMediaToo() throws {
        let variables = ["https_proxy": "e", "http_proxy": "e", "WECOM_PROXY": "own", "NO_PROXY": ".corp"]
        for url in ["https://cos.cn/x", "http://cos.cn/x"] { #expect(try mediaProxy(url, variables) == "own") }
        for url in ["https://minio.corp/x", "http://127.0.0.1/x"] { #expect(try mediaProxy(url, variables) == nil) }
    }

    @Test func aProxySetInCodeIsTheOneForMedia() throws {
        var configuration = try Configuration.load(environment: environment(["https_proxy": "e", "no_proxy": ".corp"]))
        #expect(try mediaProxy("https://cos.cn", configuration) == "e")
        configuration.httpProxy = try Configuration.HTTPProxy("own")
        #expect(try mediaProxy("https://cos.cn", configuration) == "own")
        #expect(try mediaProxy("https://minio.corp", configuration) == nil)
        configuration.httpProxy = nil
        #expect(try mediaProxy("https://cos.cn", configuration) == nil)
    }

    @Test func anUnusableProxyForMediaOnlyIsAFaultOfWhatGoesThroughIt() throws {
        let variables = ["https_proxy": "socks5://me:hunter2@127.0.0.1:1080"]
        let error = #expect(throws: TransportError.self) {
            try mediaProxy("https://cos.cn/x", gateway: "wss://127.0.0.1", variables)
        }
        #expect(error?.message.hasPrefix("https_proxy must be") == true && error?.message.contains("hunter2") == false)
        #expect(try mediaProxy("http://cos.cn/x", gateway: "wss://127.0.0.1", variables) == nil)
    }

    @Test func aProxyThatCannotBeUsedIsNamedByItsVariable() {
        #expect(
            problems(environment(["HTTPS_PROXY": "socks5://127.0.0.1:1080"])) == [
                "HTTPS_PROXY: must be an HTTP proxy (http://host:port); other kinds are not supported"
            ]
        )
    }

    @Test func aProxyMadeInCodeIsCheckedAndPrintsWithoutItsPassword() throws {
        #expect(try Configuration.HTTPProxy("http://me:hunter2@p:3128").description == "http://•••@p:3128")
        let error = #expect(throws: ConfigurationError.self) { try Configuration.HTTPProxy("https://me:hunter2@p") }
        #expect(error?.problems.map(\.key) == ["httpProxy"])
        #expect(error?.description.contains("hunter2") == false)
    }
}

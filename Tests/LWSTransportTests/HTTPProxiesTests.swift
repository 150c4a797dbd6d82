import LWSTransport
import Testing

@Suite struct HTTPProxiesTests {
    private func proxy(_ url: String, _ proxies: HTTPProxies) throws -> String? {
        try proxies.proxy(for: HTTPEndpoint(url))?.host
    }

    @Test func theSchemeChooses() throws {
        var proxies = HTTPProxies(try Proxy("http://one"))
        #expect(try proxy("https://h.cn/x", proxies) == "one" && proxy("http://h.cn/x", proxies) == "one")
        proxies.secure = nil
        #expect(try proxy("https://h.cn/x", proxies) == nil && proxy("http://h.cn/x", proxies) == "one")
        #expect(try proxy("https://h.cn/x", HTTPProxies(exceptions: "h.cn")) == nil)
    }

    @Test(arguments: [
        ("h.cn", true), ("a.h.cn", true), ("b.cn", false), ("c.cn:444", true), ("c.cn", false), ("10.0.0.1", true),
        ("10.0.0.2", false), ("[2001:db8:0:0:0:0:0:1]", true), ("[2001:db8::2]", false), ("localhost", true),
        ("x.localhost.", true), ("127.9.9.9", true), ("[0:0:0:0:0:0:0:1]", true), ("128.0.0.1", false),
        ("notlocalhost", false),
    ])
    func exceptionsAndThisMachineAreReachedDirectly(authority: String, isDirect: Bool) throws {
        let proxies = HTTPProxies(
            try Proxy("http://one"),
            exceptions: " .h.cn,c.cn:444 ,10.0.0.1,[2001:db8::1],2001:DB8::3"
        )
        #expect(try proxy("https://\(authority)/", proxies) == (isDirect ? nil : "one"))
        #expect(try proxy("https://[2001:db8:0::3]:1/", proxies) == nil)
    }

    @Test func whatWouldGoThroughAnUnusableProxyGoesNowhere() throws {
        var proxies = HTTPProxies(exceptions: "h.cn")
        proxies.secure = .failure(TransportError(.invalidEndpoint, "HTTPS_PROXY must be another"))
        let error = #expect(throws: TransportError.self) { try proxy("https://x.cn", proxies) }
        #expect(error?.message.hasPrefix("HTTPS_PROXY") == true)
        #expect(try proxy("https://h.cn", proxies) == nil && proxy("http://x.cn", proxies) == nil)
    }
}

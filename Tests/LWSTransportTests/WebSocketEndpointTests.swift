import Testing

@testable import LWSTransport

@Suite struct WebSocketEndpointTests {
    private func message(_ text: String) -> String {
        do throws(TransportError) {
            _ = try WebSocketEndpoint(text)
            return ""
        } catch {
            return error.message
        }
    }

    @Test func partsOfAURL() throws {
        let url = try WebSocketEndpoint("WSS://Gateway.example.com:8443/a/b?c=d")
        #expect(url.isSecure && url.host == "Gateway.example.com" && url.port == 8443 && url.path == "/a/b?c=d")
        let bare = try WebSocketEndpoint("ws://localhost")
        #expect(!bare.isSecure && bare.host == "localhost" && bare.port == 80 && bare.path == "/")
        let query = try WebSocketEndpoint("wss://h?x=1@y")
        #expect(query.host == "h" && query.port == 443 && query.path == "/?x=1@y")
        let literal = try WebSocketEndpoint("wss://[2001:db8::1]:8443/")
        #expect(literal.host == "2001:db8::1" && literal.port == 8443)
        #expect(try WebSocketEndpoint("wss://[::1]").port == 443)
    }

    @Test(arguments: [
        "wss://127.0.0.1", "wss://a-b.c_d.example.", "wss://h:1", "wss://h:65535", "wss://h/%E4%BD%A0",
        "wss://xn--fsq.cn",
        "wss://1a.2b",
    ])
    func acceptedURLs(text: String) {
        #expect(message(text) == "")
    }

    @Test(arguments: [
        ("", "must be a whole URL: scheme://host[:port][/path]"),
        ("openws.work.weixin.qq.com", "must be a whole URL: scheme://host[:port][/path]"),
        ("wss:/host", "must be a whole URL: scheme://host[:port][/path]"),
        ("https://host", "must begin with wss:// (or ws:// without encryption)"),
        ("://host", "must begin with wss:// (or ws:// without encryption)"),
        ("wss://", "has no host"),
        ("wss:///path", "has no host"),
        ("wss://:443", "has no host"),
        ("wss://a:b@host", "must not contain a user or password"),
        ("wss://@host", "must not contain a user or password"),
        ("wss://host/#top", "must not have a fragment (#…)"),
        ("wss://host/#", "must not have a fragment (#…)"),
        ("wss://host/a b", "must not contain spaces, control characters or backslashes"),
        ("wss://host\r\nX: y", "must not contain spaces, control characters or backslashes"),
        ("wss://host/\r\nX: y", "must not contain spaces, control characters or backslashes"),
        ("wss://host/\u{7F}", "must not contain spaces, control characters or backslashes"),
        ("wss://host\\@evil", "must not contain spaces, control characters or backslashes"),
        ("wss://网关.cn", "must be ASCII: write other characters as xn--… in the host, as %XX elsewhere"),
        ("wss://host:", "must have a port from 1 to 65535 after the host's colon, or none"),
        ("wss://host:0", "must have a port from 1 to 65535 after the host's colon, or none"),
        ("wss://host:65536", "must have a port from 1 to 65535 after the host's colon, or none"),
        ("wss://host:+80", "must have a port from 1 to 65535 after the host's colon, or none"),
        ("wss://host:99999999999999999999", "must have a port from 1 to 65535 after the host's colon, or none"),
        ("wss://[::1]80", "must have a port from 1 to 65535 after the host's colon, or none"),
        ("wss://[1:2]", "has no valid IPv6 address between the brackets"),
        ("wss://[fe80::1%25eth0]", "has no valid IPv6 address between the brackets"),
        ("wss://[::1", "must have a host of letters, digits, hyphens and dots"),
        ("wss://::1", "has no host"),
        ("wss://a..b", "must have a host of letters, digits, hyphens and dots"),
        ("wss://a%20b", "must have a host of letters, digits, hyphens and dots"),
        ("wss://a%0d%0aX:y/", "must have a host of letters, digits, hyphens and dots"),
        ("wss://a%0d%0aX:1/", "must have a host of letters, digits, hyphens and dots"),
        ("wss://a%3a1/", "must have a host of letters, digits, hyphens and dots"),
        ("wss://.", "must have a host of letters, digits, hyphens and dots"),
        ("wss://256.0.0.1", "must have a valid IPv4 address or a host name"),
        ("wss://127.1", "must have a valid IPv4 address or a host name"),
    ])
    func refusedURLs(text: String, reason: String) {
        #expect(message(text) == reason)
    }

    @Test func aPathMayHave2000Bytes() {
        let path = "/" + String(repeating: "p", count: 1_999)
        #expect(message("wss://host" + path) == "")
        #expect(message("wss://host" + path + "p") == "must have a path of at most 2000 bytes, not 2001")
        #expect(message("wss://host/?" + String(repeating: "q", count: 1_998)) == "")
        #expect(message("wss://host/?" + String(repeating: "q", count: 1_999)).hasPrefix("must have a path"))
    }

    @Test func aHostMayHave110Bytes() {
        let host = String(repeating: "a.", count: 54) + "cn"
        #expect(message("wss://\(host)") == "")
        #expect(message("wss://a\(host)") == "must have a host of at most 110 bytes, not 111")
    }

    @Test func theRequestIsBuiltFromTheParts() throws {
        #expect(try WebSocketEndpoint("wss://h.cn/a").hostHeader == "h.cn")
        #expect(try WebSocketEndpoint("wss://h.cn:443/a").hostHeader == "h.cn")
        #expect(try WebSocketEndpoint("wss://h.cn:80/a").hostHeader == "h.cn:80")
        #expect(try WebSocketEndpoint("ws://h.cn:80/a").hostHeader == "h.cn")
        #expect(try WebSocketEndpoint("wss://[::1]:8443").hostHeader == "[::1]:8443")
        #expect(try WebSocketEndpoint("wss://[::1]").hostHeader == "[::1]")
    }

    @Test func theDotAfterAFullyQualifiedNameIsForTheResolverOnly() throws {
        let endpoint = try WebSocketEndpoint("wss://h.cn.:8443")
        #expect(endpoint.host == "h.cn." && endpoint.serverName == "h.cn" && endpoint.hostHeader == "h.cn:8443")
    }

    @Test func aDescriptionHasNeitherPathNorQuery() throws {
        #expect("\(try WebSocketEndpoint("wss://h.cn/secret?key=secret"))" == "wss://h.cn:443")
        #expect("\(try WebSocketEndpoint("ws://[::1]/secret"))" == "ws://[::1]:80")
    }
}

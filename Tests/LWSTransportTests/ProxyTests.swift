import BotFoundation
import Testing

@testable import LWSTransport

@Suite struct ProxyTests {
    private func message(_ text: String) -> String {
        do throws(TransportError) {
            _ = try Proxy(text)
            return ""
        } catch {
            #expect(error.code == .invalidEndpoint)
            return error.message
        }
    }

    @Test func partsOfAProxy() throws {
        let proxy = try Proxy("http://user:p%40ss%3A%E5%AF%86@proxy.example.com:3128/")
        #expect(proxy.host == "proxy.example.com" && proxy.port == 3128)
        #expect(proxy.credentials?.value == "user:p@ss:密")
        #expect(try Proxy("HTTP://p").port == 80)
        #expect(try Proxy("[::1]:3128").host == "::1")
    }

    @Test(arguments: [
        ("u:p@h", "u:p"), ("u@h", "u:"), ("u:@h", "u:"), (":p@h", ":p"), ("u:a:b@h", "u:a:b"), ("u:a@b@h", "u:a@b"),
        ("@h", nil),
        ("h", nil),
    ])
    func credentials(text: String, credentials: String?) throws {
        #expect(try Proxy(text).credentials?.value == credentials)
    }

    @Test(arguments: [
        ("", "has no host"),
        ("https://p", "must be an HTTP proxy (http://host:port); other kinds are not supported"),
        ("socks5://p", "must be an HTTP proxy (http://host:port); other kinds are not supported"),
        ("http://p/path", "must end after the port"),
        ("http://p?q", "must end after the port"),
        ("http://p:0", "must have a port from 1 to 65535 after the host's colon, or none"),
        ("http://p:99999999999999999999", "must have a port from 1 to 65535 after the host's colon, or none"),
        ("http://[1:2]", "has no valid IPv6 address between the brackets"),
        ("http://p%0d%0aX:1", "must have a host of letters, digits, hyphens and dots"),
        ("http://p%20p", "must have a host of letters, digits, hyphens and dots"),
        ("http://p p", "must not contain spaces, control characters or backslashes"),
        ("http://p\r\nX:1", "must not contain spaces, control characters or backslashes"),
        ("http://p#f", "must not have a fragment (#…)"),
        ("http://u:%@p", "has a % without two hexadecimal digits in its user or password"),
        ("http://u:%4@p", "has a % without two hexadecimal digits in its user or password"),
        ("http://u:%+1@p", "has a % without two hexadecimal digits in its user or password"),
        ("http://u:%0D%0A@p", "must have a user and password of printable UTF-8"),
        ("http://u%00:p@p", "must have a user and password of printable UTF-8"),
        ("http://u:%FF@p", "must have a user and password of printable UTF-8"),
        ("http://u%3Av:p@p", "must not have a colon (%3A) in its user"),
        ("http://u%3A%CC%81v:p@p", "must not have a colon (%3A) in its user"),
    ])
    func refusedProxies(text: String, reason: String) {
        #expect(message(text) == reason)
    }

    @Test func userAndPasswordMayHave93BytesWithTheirColon() {
        let password = "字" + String(repeating: "p", count: 88)
        let encoded = password.utf8.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "%" + String($0, radix: 16) }.joined()
        #expect(message("http://u:\(encoded)@p") == "")
        let reason = "must have a user and password of at most 92 bytes together, not 93"
        #expect(message("http://u:\(encoded)p@p") == reason)
        #expect(message("http://" + String(repeating: "u", count: 92) + "@p") == "")
        #expect(message("http://" + String(repeating: "u", count: 93) + "@p") == reason)
    }

    @Test func aProxyCanBeAskedForAHostOf99Bytes() throws {
        let host = String(repeating: "a.", count: 48) + "com"
        try Proxy("p").checkRequest(for: WebSocketEndpoint("wss://\(host):65535"))
        let error = #expect(throws: TransportError.self) {
            try Proxy("p").checkRequest(for: WebSocketEndpoint("wss://a\(host)"))
        }
        #expect(error?.message == "must have a host of at most 99 bytes to be reached through a proxy, not 100")
    }

    @Test func aProxyPrintsWithoutItsUserAndPassword() throws {
        let proxy = try Proxy("http://hunter1:hunter2@proxy")
        #expect(proxy.description == "http://•••@proxy:80")
        #expect(try Proxy("127.0.0.1:3128").description == "http://127.0.0.1:3128")
        #expect(try Proxy("[::1]").description == "http://[::1]:80")
        var dumped = ""
        dump(proxy, to: &dumped)
        #expect(!(dumped + String(reflecting: proxy)).contains("hunter"))
    }
}

import BotCore
import LWSTransport
import Testing

@testable import WeComAIBot

struct MediaAddressTests {
    @Test(arguments: [
        ("https://ww.example/obj?sign=a", "https://ww.example:443/obj?sign=a"),
        ("HTTPS://WW.Example", "https://ww.example:443/"),
        ("http://h:80/x", "http://h:80/x"), ("https://h:8443?q=1", "https://h:8443/?q=1"),
        ("https://h/a#b", "https://h:443/a"),
        ("https://h/报告 1.pdf?n=图", "https://h:443/%E6%8A%A5%E5%91%8A%201.pdf?n=%E5%9B%BE"),
        ("https://h?n=图", "https://h:443/?n=%E5%9B%BE"), ("https://[::1]:9/x", "https://[0:0:0:0:0:0:0:1]:9/x"),
        ("https://1.2.3.4/x", "https://1.2.3.4:443/x"), ("https://h/a%2Fb?x=%41", "https://h:443/a%2Fb?x=%41"),
    ])
    func anAddressHasOneSpelling(text: String, expected: String) throws {
        #expect(try MediaAddress(text).url == expected)
        #expect(try MediaAddress(expected).url == expected)
    }

    @Test(arguments: [
        ("file:///etc/passwd", MediaError.Code.schemeRefused), ("file:/etc/passwd", .schemeRefused),
        ("ftp://h/x", .schemeRefused),
        ("data:image/png;base64,AAAA", .schemeRefused), ("gopher://h", .schemeRefused),
        ("javascript:alert(1)", .schemeRefused),
        ("wss://h/", .schemeRefused), ("https://user:hunter2@h/", .userInfoRefused),
        ("https://user@h/", .userInfoRefused),
        ("https://@h/", .userInfoRefused), ("https://good.example@127.0.0.1/", .userInfoRefused),
        ("", .invalidAddress), ("h/x", .invalidAddress), ("//h/x", .invalidAddress), ("https:h", .invalidAddress),
        ("https://", .invalidAddress), ("https:///x", .invalidAddress), ("https://h:0/", .invalidAddress),
        ("https://h:65536/", .invalidAddress), ("https://256.1.1.1/", .invalidAddress),
        ("https://127.1/", .invalidAddress),
        ("https://h\\@evil/", .invalidAddress), ("https://h/\r\nX: y", .invalidAddress),
        ("https://h /", .invalidAddress),
        ("https://网关.cn/", .invalidAddress), ("https://h%2eevil/", .invalidAddress),
        ("https://[fe80::1%25eth0]/", .invalidAddress),
        ("https://h/\u{7F}", .invalidAddress), (" https://h/", .invalidAddress),
    ])
    func whatIsNoneIsRefusedWithItsOwnError(text: String, code: MediaError.Code) {
        let error = #expect(throws: MediaError.self) { try MediaAddress(text) }
        #expect(error?.code == code)
        #expect(error?.message.contains("hunter2") == false && error?.message.contains("evil") == false)
    }

    @Test(arguments: [
        ("https://other.example/y", "https://other.example:443/y"), ("//other/y?z", "https://other:443/y?z"),
        ("/y", "https://h:1/y"), ("?n=2", "https://h:1/a/b?n=2"), ("c?x", "https://h:1/a/c?x"),
        ("", "https://h:1/a/b?q"),
        ("#f", "https://h:1/a/b?q"), ("http://h:1/down", "http://h:1/down"), ("./c", "https://h:1/a/./c"),
        ("/报", "https://h:1/%E6%8A%A5"),
    ])
    func aRedirectIsResolved(location: String, expected: String) throws {
        #expect(try MediaAddress("https://h:1/a/b?q").redirected(to: location).url == expected)
    }

    @Test(arguments: [
        ("file:///etc/passwd", MediaError.Code.schemeRefused), ("https://u:p@h/", .userInfoRefused),
        ("//", .invalidAddress),
    ])
    func aRedirectIsHeldToTheSameRules(location: String, code: MediaError.Code) throws {
        let address = try MediaAddress("https://h/a")
        let error = #expect(throws: MediaError.self) { try address.redirected(to: location) }
        #expect(error?.code == code)
    }

    @Test(arguments: [
        ("https://h/x/%E6%8A%A5.pdf?sign=1", "报.pdf"), ("https://h/obj", nil), ("https://h/", nil),
        ("https://h/a.b.c", "a.b.c"),
        ("https://h/..%2F..%2Fetc%2Fpasswd.txt", "passwd.txt"), ("https://h/v1.2-long_ending", nil),
        ("https://h/%FF.pdf", nil),
    ])
    func theLastComponentMayBeAName(url: String, expected: String?) throws {
        #expect(try MediaAddress(url).fileName == expected)
    }

    // MARK: Origins

    @Test(arguments: [
        ("https://minio.corp:9000", "https://minio.corp:9000"), ("HTTP://Minio.Corp", "http://minio.corp:80"),
        ("https://minio.corp", "https://minio.corp:443"), ("https://localhost:*", "https://localhost:*"),
        ("https://[::1]:*", "https://[0:0:0:0:0:0:0:1]:*"), ("http://10.0.0.1:8080/", "http://10.0.0.1:8080"),
    ])
    func anOriginIsNormalised(text: String, expected: String) throws {
        let origin = try MediaOrigin(text)
        #expect(origin.description == expected)
        #expect(try MediaOrigin(expected) == origin)
    }

    @Test(arguments: [
        "", "minio", "minio:9000", "*", "https://*", "https://*.corp", "https://h:*/x", "https://h:9*", "https://h:1:*",
        "https://h/x", "https://h?x",
        "ftp://h", "wss://h", "https://u:hunter2@h", "https://h:70000", "https://", "https://:*", "https://h:**",
        "https://h/:*",
        "https://h:*/", "file:///", "https://a b",
    ])
    func whatIsNoOriginIsRefused(text: String) {
        let error = #expect(throws: TransportError.self) { try MediaOrigin(text) }
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test func anOriginCoversItsPortsAndNothingElse() throws {
        let (one, every) = (try MediaOrigin("https://h:9000"), try MediaOrigin("http://h:*"))
        #expect(one.contains(try MediaAddress("https://H:9000/x")))
        for other in ["http://h:9000/", "https://h/", "https://h:9001/", "https://sub.h:9000/", "https://h.evil:9000/"]
        {
            #expect(!one.contains(try MediaAddress(other)), "\(other)")
        }
        for one in ["http://h/", "http://h:1/"] { #expect(every.contains(try MediaAddress(one))) }
        #expect(!every.contains(try MediaAddress("https://h/")))
    }
}

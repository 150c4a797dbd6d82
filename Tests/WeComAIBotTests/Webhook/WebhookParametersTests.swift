import Testing

@testable import WeComAIBot

@Suite("WebhookParameters")
struct WebhookParametersTests {
    @Test("values are decoded once, and a plus stays a plus")
    func decoding() throws {
        let parameters = try WebhookParameters(
            query: "msg_signature=s&timestamp=1&nonce=%252B%20+%e4%bd%a0&echostr=a%2Bb%2Fc+/%3D%3D"
        )
        #expect(parameters.nonce == "%2B +你")
        #expect(parameters.echo == "a+b/c+/==")
        #expect(try WebhookParameters(query: "signature=s&timestamp=1&nonce=2").echo == nil)
        let taken = try WebhookParameters(query: "signature=s&timestamp=1&nonce=2&echostr=a%20b%20%20c")
        #expect(taken.echo == "a+b++c", "a server took the plus for a space")
    }

    @Test("of the signature's names the documented one wins")
    func signatureNames() throws {
        let rest = "&timestamp=1&nonce=2"
        #expect(try WebhookParameters(query: "signature=c&msgsignature=b&msg_signature=a" + rest).signature == "a")
        #expect(try WebhookParameters(query: "signature=c&msgsignature=b" + rest).signature == "b")
        #expect(try WebhookParameters(query: "signature=c" + rest).signature == "c")
    }

    @Test(
        "what is missing, empty, there twice or not percent encoding is turned away",
        arguments: [
            "", "msg_signature=s", "timestamp=1&nonce=2", "msg_signature=s&nonce=2", "msg_signature=s&timestamp=1",
            "msg_signature=&timestamp=1&nonce=2", "msg_signature&timestamp=1&nonce=2",
            "msg_signature=s&timestamp=&nonce=2",
            "msg_signature=s&msg_signature=s&timestamp=1&nonce=2", "msg_signature=s&timestamp=1&timestamp=1&nonce=2",
            "msg_signature=s&timestamp=1&nonce=2&nonce=3", "msg_signature=s&timestamp=1&nonce=2&echostr=",
            "msg_signature=s&timestamp=1&nonce=2&echostr=a&echostr=a", "msg_signature=s&timestamp=1&nonce=%",
            "msg_signature=s&timestamp=1&nonce=%zz", "msg_signature=s&timestamp=1&nonce=%FF",
            "msg_signature=s&timestamp=1&nonce=2#f", "msg_signature=s&timestamp=1&nonce=你",
            "msg_signature=s&timestamp=1&nonce=\u{0}", "msg_signature=s timestamp=1 nonce=2",
            "MSG_SIGNATURE=s&timestamp=1&nonce=2",
        ]
    )
    func malformed(query: String) {
        let error = #expect(throws: WebhookFailure.self) { try WebhookParameters(query: query) }
        #expect(error?.status == .badRequest)
    }
}

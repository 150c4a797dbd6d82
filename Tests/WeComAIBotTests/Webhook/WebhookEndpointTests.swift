import BotCore
import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import BotCrypto
@testable import WeComAIBot

@Suite("WebhookEndpoint", .timeLimit(.minutes(10)))
struct WebhookEndpointTests {
    private let received = Mailbox<(message: Inbound, channel: any ReplyChannel)>()
    private let capture = LogCapture()
    private let platform: Platform

    init() throws { platform = try Platform() }

    private func endpoint(
        token: String = Platform.token,
        key: String = Platform.key,
        _ adjust: (inout WebhookConfiguration) -> Void = { _ in }
    ) throws -> WebhookEndpoint {
        var configuration = try WebhookConfiguration(token: Secret(token), encodingAESKey: Secret(key))
        adjust(&configuration)
        return WebhookEndpoint(configuration, clock: ManualClock(), log: capture.log) { [received] message, channel in
            received.put((message, channel))
        }
    }

    /// `Fixtures/crypto/vectors.json`, made and cross-checked with implementations that are not ours.
    private static func vectors(_ section: String) throws -> [[String: Any]] {
        let file = Fixture.directory.deletingLastPathComponent().appending(path: "crypto/vectors.json")
        let all = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        return try #require(all?[section] as? [[String: Any]])
    }

    // MARK: Verification

    @Test("verification is answered with the decrypted text and nothing else")
    func verification() async throws {
        let vectors = try Self.vectors("url_verification")
        #expect(vectors.count >= 2)
        for vector in vectors {
            let endpoint = try endpoint(
                token: #require(vector["token"] as? String),
                key: #require(vector["encoding_aes_key"] as? String)
            )
            let query = try #require(vector["query"] as? String)
            let response = await endpoint.respond(to: WebhookRequest(method: "GET", path: "/", query: query))
            #expect(response.status == 200)
            #expect(response.body == Array((vector["response_body"] as? String ?? "?").utf8))
            #expect(response.headers["Content-Type"] == "text/plain; charset=utf-8")

            let forged = query.replacing("msg_signature=", with: "msg_signature=0")
            let refused = await endpoint.respond(to: WebhookRequest(method: "GET", path: "/", query: forged))
            #expect(refused.status == 403)
            #expect(String(decoding: refused.body, as: UTF8.self).hasPrefix("Forbidden: the signature does not fit"))
        }
        #expect(
            capture.records.contains { record in record.metadata.contains { $0.value.contains("invalid-signature") } }
        )
    }

    @Test("verification without echostr, or with one that is not ours, is a bad request")
    func verificationMalformed() async throws {
        let endpoint = try endpoint()
        let query = try platform.delivery(Array("{}".utf8)).query
        #expect(await endpoint.respond(to: WebhookRequest(method: "GET", path: "/", query: query)).status == 400)
        for echo in ["!!!", "AAAA", "QUJD"] {
            let signature = try platform.cipher.signature(timestamp: "1", nonce: "2", encrypted: echo)
            let query = "msg_signature=\(signature)&timestamp=1&nonce=2&echostr=\(echo)"
            let response = await endpoint.respond(to: WebhookRequest(method: "GET", path: "/", query: query))
            #expect(response.status == 400)
        }
    }

    @Test("what was overheard of a message is not decrypted for who asks with it")
    func verificationIsNoOracle() async throws {
        let message = try platform.text("1", "秘密")
        let body = try #require(try JSONSerialization.jsonObject(with: Data(message.body)) as? [String: Any])
        let encrypted = try #require(body["encrypt"] as? String)
        let echo = try #require(encrypted.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let request = WebhookRequest(method: "GET", path: "/", query: message.query + "&echostr=" + echo)
        let response = try await endpoint().respond(to: request)
        #expect(response.status == 403 && response.body == Array("Forbidden\n".utf8))
    }

    // MARK: Callbacks

    @Test("every vector is opened")
    func vectors() async throws {
        for vector in try Self.vectors("messages") {
            guard vector["receive_id"] as? String == "" else { continue }
            let name = try #require(vector["name"] as? String)
            let endpoint = try endpoint(
                token: #require(vector["token"] as? String),
                key: #require(vector["encoding_aes_key"] as? String)
            )
            let request = WebhookRequest(
                method: "POST",
                path: "/",
                query: try #require(vector["query"] as? String),
                body: Array(try #require(vector["post_body"] as? String).utf8)
            )
            let response = await endpoint.respond(to: request)
            let plain = try #require(vector["plaintext"] as? String)
            let isMessage = name.hasSuffix("_callback") && !name.hasPrefix("stream_refresh")
            switch name {
            case _ where isMessage:
                #expect(response.status == 200 && !response.body.isEmpty, "\(name)")
                let message = try #require(await received.next()).message
                #expect(message.raw == Array(plain.utf8))
                #expect(plain.contains(message.id) && !message.id.isEmpty)
            case "stream_refresh_callback", "emoji_stream_reply":
                #expect(response.status == 200 && !response.body.isEmpty, "it names a stream")
            case "empty_json_reply":
                #expect(response == .empty, "it says nothing that could be answered")
            default:
                #expect(response.status == 400, "\(name)")
            }
        }
    }

    @Test("every negative vector is turned away, and the answer tells nothing")
    func negativeVectors() async throws {
        let accounts = [
            "A": (Platform.token, Platform.key),
            "B": ("zZtoken2026AbCdEf", "8V//d4GiVallKgVnLz03fGlzssj8Ndd7aukF+ZpE1fc"),
        ]
        let vectors = try Self.vectors("negative")
        #expect(vectors.count >= 5)
        for vector in vectors {
            let (token, key) = try #require(accounts[vector["account"] as? String ?? ""])
            func field(_ name: String) throws -> String { try #require(vector[name] as? String) }
            let query = try
                "msg_signature=\(field("msg_signature"))&timestamp=\(field("timestamp"))&nonce=\(field("nonce"))"
            let body = try JSONSerialization.data(withJSONObject: ["encrypt": field("encrypt")])
            let request = WebhookRequest(method: "POST", path: "/", query: query, body: [UInt8](body))
            let response = try await endpoint(token: token, key: key).respond(to: request)
            let name = try field("name")
            let isForged = name == "bad_signature"
            #expect(response.status == (isForged ? 403 : 400), "\(name)")
            let said = String(decoding: response.body, as: UTF8.self)
            #expect(isForged ? said.hasPrefix("Forbidden: the signature") : said == "Bad Request\n")
        }
        #expect(capture.messages(from: .warning).count == vectors.count)
    }

    @Test("our envelope is the one of the vectors")
    func envelope() throws {
        for vector in try Self.vectors("messages") {
            let cipher = CallbackCipher(
                token: Secret(try #require(vector["token"] as? String)),
                key: try AESKey(Secret(try #require(vector["encoding_aes_key"] as? String)))
            )
            let envelope = try WebhookEnvelope(
                #require(vector["encrypt"] as? String),
                timestamp: #require(Int(vector["timestamp"] as? String ?? "")),
                nonce: #require(vector["nonce"] as? String),
                cipher: cipher
            )
            let made = try JSONSerialization.jsonObject(with: Data(WebhookCodec().encode(envelope))) as? NSDictionary
            #expect(made == vector["reply_envelope_int_timestamp"] as? NSDictionary)
        }
    }

    @Test("every type of message reaches the receiver as the long connection's do")
    func messageTypes() async throws {
        let names = Fixture.names("message-") + Fixture.names("quote-") + ["unknown-msgtype", "unknown-mixed-item"]
        #expect(names.count > 10)
        for name in names {
            let bytes = try Fixture.bytes(name)
            guard case .callback(let callback) = try FrameCodec().decode(bytes),
                case .message(let expected) = callback.body
            else { Issue.record("\(name) is not a message"); continue }
            let frame = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
            let body = try JSONSerialization.data(withJSONObject: #require(frame?["body"]))
            // A new one each time: some of them have the same msgid.
            let response = try await endpoint().respond(to: platform.delivery([UInt8](body)))
            let shown = try platform.shown(response)
            #expect(!shown.isFinal && shown.text == "<think></think>", "\(name)")
            let message = try #require(await received.next()).message
            #expect(message.id == expected.inbound.id && message.text == expected.inbound.text)
            #expect(message.kind == expected.inbound.kind && message.sender == expected.inbound.sender)
            #expect(message.conversation == expected.inbound.conversation)
            #expect(message.raw == [UInt8](body))
        }
    }

    @Test("the bot's name is taken off a mention, and media without a key have the callback's")
    func reader() async throws {
        let endpoint = try endpoint { $0.botName = "助手" }
        #expect(await endpoint.respond(to: try platform.text("1", "@助手 在吗")).status == 200)
        let message = try #require(await received.next()).message
        #expect(message.text == "在吗" && message.originalText == "@助手 在吗")
        #expect(endpoint.reader.commonKey == Secret(Platform.key))
        var other = try WebhookConfiguration(token: Secret(Platform.token), encodingAESKey: Secret(Platform.key))
        other.botName = "别名"
        endpoint.reload(other, media: nil)
        #expect(await endpoint.respond(to: try platform.text("2", "@别名 在吗")).status == 200)
        #expect(await received.next()?.message.text == "在吗")
    }

    @Test("events, and messages that nobody can be answered for, get an empty answer")
    func emptyAnswers() async throws {
        let endpoint = try endpoint()
        for name in Fixture.names("event-") + Fixture.names("bad-message-") {
            let frame = try JSONSerialization.jsonObject(with: Data(Fixture.bytes(name))) as? [String: Any]
            let body = try JSONSerialization.data(withJSONObject: #require(frame?["body"]))
            #expect(await endpoint.respond(to: try platform.delivery([UInt8](body))) == .empty, "\(name)")
        }
        for plain in [
            "{}", #"{"msgtype":"stream"}"#, #"{"msgtype":"stream","stream":{}}"#, #"{"msgtype":"event"}"#,
            #"{"msgtype":7}"#,
        ] {
            #expect(await endpoint.respond(to: try platform.delivery(Array(plain.utf8))) == .empty, "\(plain)")
        }
        #expect(endpoint.answers.withStreams { streams, _ in streams.count } == 0)
    }

    @Test("a body may start with a byte order mark, and its key be capitalised")
    func tolerated() async throws {
        let endpoint = try endpoint()
        var marked = try platform.text("1", "你好")
        marked.body = [0xEF, 0xBB, 0xBF] + marked.body
        #expect(await endpoint.respond(to: marked).status == 200)
        var capitalised = try platform.text("2", "你好")
        capitalised.body = Array(
            String(decoding: capitalised.body, as: UTF8.self).replacing("encrypt", with: "Encrypt").utf8
        )
        capitalised.query = capitalised.query.replacing("msg_signature", with: "msgsignature")
        #expect(await endpoint.respond(to: capitalised).status == 200)
        #expect(await received.next(2).map(\.message.text) == ["你好", "你好"])
    }

    @Test(
        "bodies that are not what they must be",
        arguments: [
            "", "{", "null", "[]", "7", "{}", #"{"encrypt":""}"#, #"{"encrypt":7}"#, #"{"encrypt":null}"#, "\u{FEFF}",
            #"{"encrypt":"AAAA"}"#,
        ]
    )
    func badBodies(body: String) async throws {
        var request = try platform.text("1", "hi")
        request.body = Array(body.utf8)
        let status = try await endpoint().respond(to: request).status
        // Only with an encrypted text is there a signature to be wrong.
        #expect(status == (body.contains(#"":"A"#) || body.contains(#":"""#) ? 403 : 400))
    }

    @Test(
        "what is decrypted and not JSON is a bad request",
        arguments: ["", "hello", "[]", "7", "{", "\u{0}", "{\"a\":\"\u{0}\"}"]
    )
    func badPlaintext(plain: String) async throws {
        let response = try await endpoint().respond(to: try platform.delivery(Array(plain.utf8)))
        #expect(response.status == 400)
        #expect(response.body == Array("Bad Request\n".utf8), "nothing of what was decrypted")
    }

    @Test("not UTF-8, or too deep")
    func badEncoding() async throws {
        let endpoint = try endpoint()
        #expect(await endpoint.respond(to: try platform.delivery([0x7B, 0xFF, 0x7D])).status == 400)
        let deep = Array(repeating: UInt8(ascii: "["), count: 100_000)
        #expect(await endpoint.respond(to: try platform.delivery(Array(#"{"text":"#.utf8) + deep)).status == 400)
    }

    @Test("a timestamp that is not a number cannot be repeated as one")
    func timestamp() async throws {
        let endpoint = try endpoint()
        for timestamp in ["now", "1e9", "99999999999999999999"] {
            let request = try platform.delivery(Array("{}".utf8), timestamp: timestamp)
            #expect(await endpoint.respond(to: request).status == 400)
        }
    }

    // MARK: HTTP

    @Test("a body may have 4 MiB and not one byte more")
    func bodyLimit() async throws {
        let endpoint = try endpoint()
        var request = try platform.text("1", "hi")
        request.body += [UInt8](repeating: UInt8(ascii: " "), count: 4_194_304 - request.body.count)
        #expect(await endpoint.respond(to: request).status == 200)
        request.body.append(UInt8(ascii: " "))
        #expect(await endpoint.respond(to: request).status == 413)
    }

    @Test("other methods are refused, and told which are not", arguments: ["PUT", "HEAD", "get", "", "DELETE"])
    func methods(method: String) async throws {
        var request = try platform.text("1", "hi")
        request.method = method
        let response = try await endpoint().respond(to: request)
        #expect(response.status == 405)
        #expect(response.headers["Allow"] == "GET, POST")
    }

    @Test("who tries the address is told what it is and what is missing")
    func advice() async throws {
        let endpoint = try endpoint { $0.path = "/webhook/wecom-ai-bot" }
        func answer(_ method: String, _ path: String, _ query: String = "") async -> String {
            let response = await endpoint.respond(to: WebhookRequest(method: method, path: path, query: query))
            return "\(response.status) " + String(decoding: response.body, as: UTF8.self)
        }
        let bare = await answer("GET", "/webhook/wecom-ai-bot")
        #expect(bare.hasPrefix("400 Bad Request: the parameter msg_signature is missing.\n"))
        #expect(bare.contains("callback address of a WeCom AI bot") && bare.contains("admin console"))
        #expect(
            await answer("GET", "/") == "404 Not Found: the callback address of this bot is /webhook/wecom-ai-bot\n"
        )
        let unsigned = await answer("GET", "/webhook/wecom-ai-bot", "msg_signature=x&timestamp=1&nonce=2&echostr=QUJD")
        #expect(unsigned.hasPrefix("403 Forbidden: the signature does not fit. The bot needs the Token"))
        for text in [bare, unsigned] { #expect(!text.contains(Platform.token) && !text.contains(Platform.key)) }
    }

    @Test("a path is checked if there is one to check")
    func path() async throws {
        let endpoint = try endpoint { $0.path = "/webhook/wecom-ai-bot" }
        var request = try platform.text("1", "hi")
        #expect(await endpoint.respond(to: request).status == 200)
        request.path += "/"
        #expect(await endpoint.respond(to: request).status == 404)
    }

    @Test("an open address does not fill the log, and no line has a secret or a text")
    func quietLog() async throws {
        let endpoint = try endpoint()
        var request = try platform.text("1", "a private matter")
        #expect(await endpoint.respond(to: request).status == 200)
        request.query = request.query.replacing("msg_signature=", with: "msg_signature=hunter2")
        for _ in 0..<100 { #expect(await endpoint.respond(to: request).status == 403) }
        #expect(capture.messages(from: .info).count == 7)
        let lines = capture.records.filter { $0.level > .trace }.map { "\($0.message) \($0.metadata)" }.joined()
        for hidden in ["hunter2", "private", Platform.token, Platform.key, "response_code"] {
            #expect(!lines.contains(hidden))
        }
    }

    @Test("an empty token signs for anybody; a key has 32 bytes")
    func configuration() {
        #expect(throws: CryptoError.self) {
            try WebhookConfiguration(token: Secret(""), encodingAESKey: Secret(Platform.key))
        }
        #expect(throws: CryptoError.self) {
            try WebhookConfiguration(token: Secret("t"), encodingAESKey: Secret("short"))
        }
    }
}

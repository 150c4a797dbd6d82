import BotCrypto
import BotFoundation
import FoundationEssentials

/// The platform's encoder and decoder for what goes through a callback address.
struct CallbackCodec: Sendable {
    /// Why an answer is not one. Never quotes it.
    struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        let description: String
    }

    /// What an answer shows.
    struct Shown: Sendable, Hashable {
        let streamID: String
        let text: String
        let isFinal: Bool
        let images: [ShownImage]
        /// What is wrong with the images, if anything is.
        let imageProblem: String?
    }

    private let cipher: CallbackCipher

    init(_ configuration: CallbackPlatformConfiguration) throws(CryptoError) {
        cipher = CallbackCipher(token: configuration.token, key: try AESKey(configuration.encodingAESKey))
    }

    /// The delivery of a callback.
    func delivery(of document: JSONValue, to path: String, nonce: String, unixTime: Int) throws -> CallbackDelivery {
        let encrypted = try cipher.seal(Array(try JSONEncoder().encode(document)))
        let body = try JSONEncoder().encode(JSONValue.object(["encrypt": .string(encrypted)]))
        let query = try query(encrypted, nonce: nonce, unixTime: unixTime)
        return CallbackDelivery(method: "POST", path: path, query: query, body: Array(body))
    }

    /// The verification of an address, as when an administrator saves it.
    func verification(of path: String, echo: String, nonce: String, unixTime: Int) throws -> CallbackDelivery {
        let encrypted = try cipher.seal(Array(echo.utf8))
        let query = try query(encrypted, nonce: nonce, unixTime: unixTime) + "&echostr=" + Self.escaped(encrypted)
        return CallbackDelivery(method: "GET", path: path, query: query, body: [])
    }

    private func query(_ encrypted: String, nonce: String, unixTime: Int) throws(CryptoError) -> String {
        let signature = try cipher.signature(timestamp: String(unixTime), nonce: nonce, encrypted: encrypted)
        return "msg_signature=\(signature)&timestamp=\(unixTime)&nonce=\(nonce)"
    }

    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + [byte].hexadecimal.uppercased()
        }.joined()
    }

    /// The plain text of an answer; `nil` if it says nothing.
    ///
    /// - Parameter nonce: The callback's.
    func answer(_ body: [UInt8], nonce: String) throws(Malformed) -> JSONValue? {
        guard !body.isEmpty else { return nil }
        let envelope = try Self.object(body, "the envelope")
        guard envelope["nonce"]?.string == nonce else {
            throw Malformed(description: "the nonce is not the callback's")
        }
        guard case .integer(let timestamp) = envelope["timestamp"], let encrypted = envelope["encrypt"]?.string,
            let signature = envelope["msgsignature"]?.string
        else { throw Malformed(description: "the envelope lacks a field") }
        let plain: [UInt8]
        do {
            plain = try cipher.open(encrypted, signature: signature, timestamp: String(timestamp), nonce: nonce)
        } catch {
            throw Malformed(description: "the envelope cannot be opened: \(error)")
        }
        return try Self.object(plain, "the answer")
    }

    /// What an answer shows.
    static func shown(_ answer: JSONValue) throws(Malformed) -> Shown {
        guard answer["msgtype"]?.string == "stream" else { throw Malformed(description: "the answer is no stream") }
        guard let stream = answer["stream"], let id = stream["id"]?.string, !id.isEmpty,
            let text = stream["content"]?.string, case .bool(let isFinal) = stream["finish"]
        else { throw Malformed(description: "the stream lacks a field") }
        do {
            let images = try ImageRules.images(in: stream, isFinal: isFinal)
            return Shown(streamID: id, text: text, isFinal: isFinal, images: images, imageProblem: nil)
        } catch {
            return Shown(streamID: id, text: text, isFinal: isFinal, images: [], imageProblem: "\(error)")
        }
    }

    /// Which command of the long connection an answer to an event is like.
    ///
    /// - Parameter event: `event` of the callback.
    static func command(of answer: JSONValue, to event: JSONValue?) throws(Malformed) -> ClientCommand {
        switch (event?["eventtype"]?.string, answer["msgtype"]?.string, answer["response_type"]?.string) {
        case ("enter_chat", "text", _):
            if let text = answer["text"]?["content"]?.string, !text.allSatisfy(\.isWhitespace) { return .welcome }
            throw Malformed(description: "a welcome without a text")
        case ("enter_chat", "template_card", _):
            if let problem = CardRules.problem(in: answer["template_card"]) { throw Malformed(description: problem) }
            return .welcome
        case ("template_card_event", _, "update_template_card"):
            if let problem = CardRules.problem(in: answer["template_card"], isUpdate: true) {
                throw Malformed(description: problem)
            }
            return .updateCard
        default: throw Malformed(description: "an event was answered with something that it does not take")
        }
    }

    /// A message for a `response_url`: its type and its text.
    static func message(_ body: [UInt8]) throws(Malformed) -> (type: String, text: String) {
        let message = try object(body, "the message")
        guard let type = message["msgtype"]?.string, let content = message[type], content.isObject else {
            throw Malformed(description: "the message lacks its content")
        }
        return (type, content["content"]?.string ?? "")
    }

    private static func object(_ bytes: [UInt8], _ name: String) throws(Malformed) -> JSONValue {
        do {
            let value = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
            if value.isObject { return value }
        } catch {
            // Said below.
        }
        throw Malformed(description: "\(name) is no JSON object")
    }
}

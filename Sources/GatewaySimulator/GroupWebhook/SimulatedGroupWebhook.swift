import BotCrypto
import FoundationEssentials

/// The robots of some groups, as the service keeps them (official doc 99110): what it takes, and what it refuses. Time is passed in.
struct SimulatedGroupWebhook: Sendable {
    /// How many messages a robot takes in any minute.
    static let messagesPerMinute = 20
    static let maximumMarkdownBytes = 4_096
    static let maximumTextBytes = 2_048
    static let maximumImageBytes = 2 << 20
    static let fileBytes = 5...20 << 20
    static let voiceBytes = 5...2 << 20
    /// How long a file is kept.
    static let mediaLifetime = Duration.seconds(3 * 24 * 3_600)

    /// A request, as far as it matters.
    struct Request {
        let path: String
        let query: String
        let contentType: String
        let body: [UInt8]
    }

    private struct Robot {
        var messages: [GroupMessage] = []
        var files: [String: (file: GroupFile, until: Duration)] = [:]
        var times: [Duration] = []
    }

    private var robots: [String: Robot]
    private var nextFile = 1
    /// Why requests were refused.
    private(set) var complaints: [String] = []

    /// Robots with these keys.
    init(keys: [String]) {
        robots = Dictionary(keys.map { ($0, Robot()) }, uniquingKeysWith: { first, _ in first })
    }

    /// What a group shows.
    func messages(of key: String) -> [GroupMessage] { robots[key]?.messages ?? [] }

    /// The answer to a request.
    mutating func answer(_ request: Request, now: Duration) -> [UInt8] {
        do throws(Refusal) {
            let parameters = Self.parameters(request.query)
            guard let key = parameters["key"], robots[key] != nil else {
                throw Refusal(.invalidWebhook, "a key that no group has")
            }
            switch request.path {
            case "/cgi-bin/webhook/send":
                try receive(request, key, now)
                return GatewayCodec().encode(["errcode": 0, "errmsg": "ok"])
            case "/cgi-bin/webhook/upload_media":
                let id = try keep(request, parameters["type"] ?? "", key, now)
                return GatewayCodec().encode([
                    "errcode": 0, "errmsg": "", "type": .string(parameters["type"] ?? ""), "media_id": .string(id),
                    "created_at": "1380000000",
                ])
            default: throw Refusal(.invalidWebhook, "a path that is not the webhook's: \(request.path)")
            }
        } catch {
            complaints.append(error.description)
            return GatewayCodec().encode([
                "errcode": .integer(error.code.rawValue), "errmsg": .string(error.code.message),
            ])
        }
    }

    // MARK: Messages

    private mutating func receive(_ request: Request, _ key: String, _ now: Duration) throws(Refusal) {
        guard request.contentType.hasPrefix("application/json") else {
            throw Refusal("a message that is not called JSON")
        }
        let document: JSONValue
        do {
            document = try JSONDecoder().decode(JSONValue.self, from: Data(request.body))
        } catch {
            throw Refusal("a message that is not JSON")
        }
        guard let type = document["msgtype"]?.string, let content = document[type], content.isObject else {
            throw Refusal(.invalidMessageType, "a message without a type, or without what it is made of")
        }
        let message = try message(type, content, of: key, now)
        robots[key]?.times.removeAll { $0 + .seconds(60) <= now }
        guard robots[key]?.times.count ?? 0 < Self.messagesPerMinute else {
            throw Refusal(.throttled, "more than \(Self.messagesPerMinute) messages in a minute")
        }
        robots[key]?.times.append(now)
        robots[key]?.messages.append(message)
    }

    private func message(
        _ type: String,
        _ content: JSONValue,
        of key: String,
        _ now: Duration
    ) throws(Refusal) -> GroupMessage {
        switch type {
        case "text": return .text(try text(content, Self.maximumTextBytes))
        case "markdown", "markdown_v2": return .text(try text(content, Self.maximumMarkdownBytes))
        case "image": return .image(try image(content))
        case "file", "voice":
            guard let kept = robots[key]?.files[content["media_id"]?.string ?? ""], now < kept.until else {
                throw Refusal(.invalidMedia, "a media_id that this key does not have")
            }
            guard kept.file.type == type else {
                throw Refusal(.invalidMedia, "a \(kept.file.type) that is sent as \(type)")
            }
            return .file(kept.file)
        case "template_card":
            guard ["text_notice", "news_notice"].contains(content["card_type"]?.string) else {
                throw Refusal("a card of a kind that a group webhook does not take")
            }
            return .card(content)
        default: throw Refusal(.invalidMessageType, "a message of type \(type.prefix(32))")
        }
    }

    private func text(_ content: JSONValue, _ maximum: Int) throws(Refusal) -> String {
        guard let text = content["content"]?.string, !text.allSatisfy(\.isWhitespace) else {
            throw Refusal("a text that is blank")
        }
        guard text.utf8.count <= maximum else { throw Refusal("a text of \(text.utf8.count) bytes") }
        return text
    }

    private func image(_ content: JSONValue) throws(Refusal) -> [UInt8] {
        guard let text = content["base64"]?.string, let data = Data(base64Encoded: text) else {
            throw Refusal("a picture that is not Base64")
        }
        guard data.count <= Self.maximumImageBytes else {
            throw Refusal(.invalidPictureSize, "a picture of \(data.count) bytes")
        }
        let bytes = [UInt8](data)
        guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) || bytes.starts(with: [0xFF, 0xD8, 0xFF]) else {
            throw Refusal("a picture that is neither PNG nor JPEG")
        }
        guard let sum = try Self.md5(bytes), sum == content["md5"]?.string else {
            throw Refusal(.checksumMismatch, "the MD5 of a picture is another")
        }
        return bytes
    }

    static func md5(_ bytes: [UInt8]) throws(Refusal) -> String? {
        do {
            let sum = try MD5Checksum()
            try sum.update(bytes)
            return try sum.finish()
        } catch {
            throw Refusal("no MD5 here")
        }
    }

    // MARK: Files

    private mutating func keep(
        _ request: Request,
        _ type: String,
        _ key: String,
        _ now: Duration
    ) throws(Refusal) -> String {
        guard ["file", "voice"].contains(type) else { throw Refusal("an upload of type \(type.prefix(32))") }
        let form: MultipartBody
        do throws(MultipartBody.Malformed) {
            form = try MultipartBody(request.body, contentType: request.contentType)
        } catch {
            throw Refusal(error.description)
        }
        guard form.parts.count == 1, let part = form.parts.first, part.parameter("name") == "media",
            let name = part.parameter("filename"), !name.isEmpty
        else { throw Refusal("a form without one file called media") }
        guard (type == "file" ? Self.fileBytes : Self.voiceBytes).contains(part.content.count) else {
            throw Refusal(.invalidMediaSize, "a \(type) of \(part.content.count) bytes")
        }
        guard type == "file" || part.content.starts(with: Array("#!AMR".utf8)) else {
            throw Refusal("speech that is not AMR")
        }
        let id = "group-media-\(nextFile)"
        nextFile += 1
        let file = GroupFile(type: type, name: name, bytes: part.content)
        robots[key]?.files[id] = (file, now + Self.mediaLifetime)
        return id
    }

    private static func parameters(_ query: String) -> [String: String] {
        let pairs = query.split(separator: "&").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        let fields = pairs.map { ($0.first ?? "", $0.count == 2 ? $0[1] : "") }
        return Dictionary(fields, uniquingKeysWith: { first, _ in first })
    }

    struct Refusal: Error {
        let code: ServerCode
        let description: String

        init(_ code: ServerCode = .invalidParameter, _ description: String) {
            self.code = code
            self.description = description
        }

        init(_ description: String) {
            self.init(.invalidParameter, description)
        }
    }
}

/// What a group shows of one message.
package enum GroupMessage: Sendable, Hashable {
    case text(String)
    case image([UInt8])
    case file(GroupFile)
    case card(JSONValue)

    /// The text, if it is one.
    package var text: String? { if case .text(let text) = self { text } else { nil } }
}

/// A file that a group was given.
package struct GroupFile: Sendable, Hashable {
    /// `file` or `voice`.
    package let type: String
    package let name: String
    package let bytes: [UInt8]

    package init(type: String, name: String, bytes: [UInt8]) {
        self.type = type
        self.name = name
        self.bytes = bytes
    }
}

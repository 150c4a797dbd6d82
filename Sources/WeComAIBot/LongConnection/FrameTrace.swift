internal import BotFoundation
internal import FoundationEssentials

/// What is logged of a frame at `trace`: its JSON, without secrets, keys and the queries of URLs.
///
/// What has to be taken out is taken out of the decoded values, so that no way of writing them hides it. A frame that cannot be
/// decoded shows nothing but its length.
struct FrameTrace: Sendable {
    /// What is shown of one string, in UTF-8 bytes.
    static let maximumStringBytes = 1_024
    /// What is shown of one frame, in UTF-8 bytes.
    static let maximumBytes = 3_072
    /// A longer frame, such as a chunk of an upload, is not looked into: that takes time on the loop.
    static let maximumFrameBytes = 128 * 1_024

    private let secret: Secret

    init(secret: Secret) {
        self.secret = secret
    }

    /// A frame as it may be shown.
    struct Excerpt: Sendable, Hashable {
        let command: String
        let requestID: String
        let json: String
    }

    /// Logs a frame that passes. Nothing is done for it unless it is wanted.
    ///
    /// - Parameter direction: `in` or `out`.
    func write(_ direction: String, _ bytes: [UInt8], to log: Log) {
        guard log.level <= .trace else { return }
        let excerpt = excerpt(of: bytes)
        // A callback and its answer have neither command nor id.
        guard !excerpt.command.isEmpty || !excerpt.requestID.isEmpty else {
            log(.trace, "frame", [.direction: direction, .bytes: "\(bytes.count)", .frame: excerpt.json])
            return
        }
        log(
            .trace,
            "frame",
            [
                .direction: direction, .command: excerpt.command, .requestID: excerpt.requestID,
                .bytes: "\(bytes.count)",
                .frame: excerpt.json,
            ]
        )
    }

    /// What may be shown of a frame.
    func excerpt(of bytes: [UInt8]) -> Excerpt {
        do {
            guard bytes.count <= Self.maximumFrameBytes else { return Self.tooLong }
            guard String(validating: bytes, as: UTF8.self) != nil else { return Self.unreadable }
            let value = redacted(try JSONDecoder().decode(JSONTree.self, from: Data(bytes)))
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let json = String(decoding: try encoder.encode(value), as: UTF8.self)
            // Nothing is known to get here; if something does, it goes no further.
            guard !secret.occurs(in: json) else { return Self.unreadable }
            return Excerpt(
                command: value["cmd"]?.text ?? "",
                requestID: value["headers"]?["req_id"]?.text ?? "",
                json: Self.cut(json, Self.maximumBytes)
            )
        } catch {
            return Self.unreadable
        }
    }

    private static let tooLong = Excerpt(command: "", requestID: "", json: "(not shown: too long)")
    private static let unreadable = Excerpt(command: "", requestID: "", json: "(not shown: it cannot be decoded)")

    private func redacted(_ value: JSONTree, key: String = "") -> JSONTree {
        switch value {
        case .null, .bool: return value
        case .number(let number):
            return secret.occurs(in: "\(number)") ? .string(secret.description) : value
        case .string(let text):
            let isURL = key.lowercased().hasSuffix("url")
            let shown = secret.withheld(from: text).withoutURLQueries(isURL: isURL)
            return .string(Self.cut(shown, Self.maximumStringBytes))
        case .array(let elements): return .array(elements.map { redacted($0, key: key) })
        case .object(let members):
            var shown: [String: JSONTree] = [:]
            for (key, value) in members {
                shown[secret.withheld(from: key)] =
                    Self.isSecret(key) ? .string(secret.description) : redacted(value, key: key)
            }
            return .object(shown)
        }
    }

    /// Whether what is under a key must not be seen: `secret`, `token`, `access_token`, `aeskey`, `encoding_aes_key` and their like.
    private static func isSecret(_ key: String) -> Bool {
        let name = key.lowercased().filter { $0 != "_" && $0 != "-" }
        return ["secret", "token", "aeskey", "password", "signature", "ticket", "responsecode"].contains {
            name.contains($0)
        }
    }

    private static func cut(_ text: String, _ maximum: Int) -> String {
        guard text.utf8.count > maximum else { return text }
        return text.prefix(maximumBytes: maximum) + "… (cut, \(text.utf8.count) bytes)"
    }
}

extension String {
    /// The text with the query and fragment of each URL in it taken out: that is where signatures are. By bytes, so that no
    /// combining mark hides where one begins.
    fileprivate func withoutURLQueries(isURL: Bool) -> String {
        let bytes = Array(utf8)
        let scheme = Array("://".utf8)
        var shown: [UInt8] = []
        var isInURL = isURL
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if bytes[index...].starts(with: scheme) {
                isInURL = true
                shown += scheme
                index += scheme.count
            } else if isInURL, byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") {
                shown += Array("?•••".utf8)
                while index < bytes.count, !Self.endsURL(bytes[index]) { index += 1 }
                isInURL = false
            } else {
                if Self.endsURL(byte) { isInURL = false }
                shown.append(byte)
                index += 1
            }
        }
        return String(decoding: shown, as: UTF8.self)
    }

    private static func endsURL(_ byte: UInt8) -> Bool {
        byte <= 0x20 || "\"'<>`".utf8.contains(byte)
    }
}

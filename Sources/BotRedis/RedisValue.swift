internal import CHiredis

/// What a Redis server answers.
enum RedisValue: Sendable, Hashable {
    case null
    case integer(Int64)
    /// A string, or a status. What is no UTF-8 is repaired.
    case text(String)
    case array([RedisValue])
    case error(String)

    init(_ reply: redisReply) {
        switch reply.type {
        case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: self = .text(Self.string(reply))
        case REDIS_REPLY_ERROR: self = .error(Self.string(reply))
        case REDIS_REPLY_ARRAY:
            self = .array((0..<reply.elements).map { reply.element[$0].map { RedisValue($0.pointee) } ?? .null })
        default: self = .null
        }
    }

    private static func string(_ reply: redisReply) -> String {
        guard let address = reply.str else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: address, count: reply.len), as: UTF8.self)
    }

    /// The string; `nil` for anything else.
    var text: String? { if case .text(let text) = self { text } else { nil } }

    /// The number; `nil` for anything else.
    var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
}

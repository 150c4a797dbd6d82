/// An `errcode`, as the service gives it.
package struct ServerCode: RawRepresentable, Sendable, Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// The number on the wire.
    package let rawValue: Int

    /// Wraps a number.
    package init(rawValue: Int) { self.rawValue = rawValue }
    /// Wraps a number.
    package init(integerLiteral value: Int) { rawValue = value }
    /// The number.
    package var description: String { String(rawValue) }

    /// Accepted.
    package static let ok: ServerCode = 0
    /// Two frames of one `req_id` at the same time.
    package static let conflict: ServerCode = 6_000
    /// The service has no time.
    package static let systemBusy: ServerCode = -1
    /// A file has fewer or more bytes than are taken.
    package static let invalidMediaSize: ServerCode = 40_006
    /// No such media, or no longer.
    package static let invalidMedia: ServerCode = 40_007
    /// A message type or command that does not exist here.
    package static let invalidMessageType: ServerCode = 40_008
    /// A picture has more bytes than are taken.
    package static let invalidPictureSize: ServerCode = 40_009
    /// A parameter is missing, of the wrong type, or too long.
    package static let invalidParameter: ServerCode = 40_058
    /// Too many calls.
    package static let throttled: ServerCode = 45_009
    /// No such conversation, or the user has never spoken in it.
    package static let invalidChat: ServerCode = 93_006
    /// There is no group webhook with that key.
    package static let invalidWebhook: ServerCode = 93_000
    /// A picture's checksum is another.
    package static let checksumMismatch: ServerCode = 301_019
    /// The time to answer this callback is over.
    package static let windowOver: ServerCode = 846_604
    /// The `req_id` is not that of a callback this command may answer.
    package static let unknownRequest: ServerCode = 846_605
    /// The stream can no longer be updated.
    package static let streamOver: ServerCode = 846_608
    /// This socket is not subscribed.
    package static let notSubscribed: ServerCode = 846_609
    /// Wrong bot id or secret.
    package static let badCredentials: ServerCode = 853_000

    /// The text that goes with it. Clients must not read meaning into it.
    var message: String {
        switch self {
        case .ok: "ok"
        case .conflict: "more than one caller at the same time, data version conflict"
        case .systemBusy: "system busy"
        case .invalidMediaSize: "invalid media size"
        case .invalidPictureSize: "invalid image size"
        case .invalidWebhook: "invalid webhook url"
        case .checksumMismatch: "md5 mismatch"
        case .invalidMedia: "invalid media_id"
        case .invalidMessageType: "invalid message type"
        case .invalidParameter: "invalid parameter"
        case .throttled: "api freq out of limit"
        case .invalidChat: "invalid chatid"
        case .windowOver: "response window is over"
        case .unknownRequest: "invalid req_id"
        case .streamOver: "stream message update expired (>6 minutes), cannot update"
        case .notSubscribed: "aibot websocket not subscribed"
        case .badCredentials: "invalid bot_id or secret"
        default: "simulated failure"
        }
    }
}

/// How a send ended.
public enum Delivery: Sendable, Hashable {
    /// The far side said yes.
    case delivered
    /// The far side said yes, but to another way than the one that was begun, which it had refused for this reason: the user
    /// sees the whole text in a message of its own, and above it perhaps a bubble that stopped early.
    case redirected(Reason)
    /// The far side, or a check on this side, said no: the user does not see it. Of what takes several messages the user does not see
    /// all, and the reason names the part.
    case refused(Reason)
    /// It was written, and no verdict came: the user may or may not see it.
    case unknown(Reason)

    /// Why something was not delivered, or not the way it was begun.
    public struct Reason: Sendable, Hashable, CustomStringConvertible {
        /// The server's error code; `nil` when it was decided on this side.
        public let code: Int?
        /// What happened, for people.
        public let message: String

        /// Names a reason.
        public init(code: Int? = nil, _ message: String) {
            self.code = code
            self.message = message
        }

        /// The message, with the code where there is one.
        public var description: String { code.map { "\(message) (errcode \($0))" } ?? message }
    }
}

extension Delivery {
    /// Whether the user sees it, by whichever way.
    public var isDelivered: Bool {
        switch self {
        case .delivered, .redirected: true
        case .refused, .unknown: false
        }
    }

    /// Why it was not delivered, or not the way it was begun; `nil` if it was.
    public var reason: Reason? {
        switch self {
        case .delivered: nil
        case .redirected(let reason), .refused(let reason), .unknown(let reason): reason
        }
    }

    /// The worse of two outcomes; of equally bad ones, the earlier, `self`.
    package func worse(_ other: Delivery) -> Delivery {
        other.badness > badness ? other : self
    }

    private var badness: Int {
        switch self {
        case .delivered: 0
        case .redirected: 1
        case .unknown: 2
        case .refused: 3
        }
    }
}

internal import BotCrypto

/// Why a request is turned away. The message is for the log; it never contains a piece of the request.
struct WebhookFailure: Error, Sendable, Hashable {
    /// The HTTP status. Open.
    struct Status: RawRepresentable, Sendable, Hashable {
        let rawValue: Int

        static let badRequest = Status(rawValue: 400)
        static let forbidden = Status(rawValue: 403)
        static let notFound = Status(rawValue: 404)
        static let methodNotAllowed = Status(rawValue: 405)
        static let contentTooLarge = Status(rawValue: 413)
        static let internalError = Status(rawValue: 500)
        static let unavailable = Status(rawValue: 503)

        /// The standard's words for it.
        var phrase: String {
            switch self {
            case .badRequest: "Bad Request"
            case .forbidden: "Forbidden"
            case .notFound: "Not Found"
            case .methodNotAllowed: "Method Not Allowed"
            case .contentTooLarge: "Content Too Large"
            case .unavailable: "Service Unavailable"
            default: "Internal Server Error"
            }
        }
    }

    let status: Status
    let message: String

    init(_ status: Status, _ message: String) {
        self.status = status
        self.message = message
    }

    /// A request that could not be opened.
    init(_ error: CryptoError) {
        message = error.description
        switch error.code {
        case .invalidSignature: status = .forbidden
        case .openSSL: status = .internalError
        default: status = .badRequest
        }
    }

    /// A request that could not be read.
    init(_ error: WireError) {
        self.init(.badRequest, error.message)
    }

    /// What the sender is told: the status in words, and nothing else.
    var response: WebhookResponse {
        let headers = status == .methodNotAllowed ? ["Allow": "GET, POST"] : [:]
        return WebhookResponse(status: status.rawValue, headers: headers, body: Array(status.phrase.utf8))
    }
}

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
    /// What a person who tries the address is told. Only of what came before the signature was checked: behind it, an answer could
    /// tell something of what was decrypted.
    let advice: String?

    init(_ status: Status, _ message: String, advice: String? = nil) {
        self.status = status
        self.message = message
        self.advice = advice
    }

    /// A request that could not be opened.
    init(_ error: CryptoError) {
        let status: Status =
            switch error.code {
            case .invalidSignature: .forbidden
            case .openSSL: .internalError
            default: .badRequest
            }
        let advice = "the signature does not fit. The bot needs the Token of its page in the admin console."
        self.init(status, error.description, advice: status == .forbidden ? advice : nil)
    }

    /// A request that could not be read.
    init(_ error: WireError) {
        self.init(.badRequest, error.message)
    }

    /// A request whose parameters are not the platform's.
    static func parameters(_ message: String) -> WebhookFailure {
        let advice = """
            \(message).
            This is the callback address of a WeCom AI bot, and it works. Save it in the admin console, on the bot's page under \
            "API mode, callback URL", with the bot's Token and EncodingAESKey: WeCom then calls it with msg_signature, timestamp and \
            nonce, and with echostr to verify it.
            """
        return WebhookFailure(.badRequest, message, advice: advice)
    }

    /// What the sender is told: the status in words, and what can be done about it.
    var response: WebhookResponse {
        let headers = status == .methodNotAllowed ? ["Allow": "GET, POST"] : [:]
        let text = advice.map { "\(status.phrase): \($0)\n" } ?? "\(status.phrase)\n"
        return WebhookResponse(status: status.rawValue, headers: headers, body: Array(text.utf8))
    }
}

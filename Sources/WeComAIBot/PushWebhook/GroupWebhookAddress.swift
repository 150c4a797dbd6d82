internal import BotCore
package import BotFoundation
package import LWSTransport

/// The address at which a group's message-push robot takes messages: `https://…/cgi-bin/webhook/send?key=K` (official doc 99110).
///
/// Whoever has it can write into the group, so it is a secret, whole.
package struct GroupWebhookAddress: Sendable, Hashable {
    /// Takes messages.
    let send: Secret
    private let upload: Secret
    private let key: Secret

    /// Reads the URL that the group's settings show.
    ///
    /// - Parameter allowedOrigins: Where it may be although that is not https.
    /// - Throws: ``TransportError`` with code `invalidEndpoint`; it repeats nothing of the URL.
    package init(_ url: Secret, allowedOrigins: [MediaOrigin] = []) throws(TransportError) {
        let endpoint = try HTTPEndpoint(url.value)
        guard endpoint.isSecure || allowedOrigins.contains(where: { $0.contains(endpoint) }) else {
            throw Self.invalid("must begin with https://, unless its origin is one of the allowed origins")
        }
        let parts = url.value.split(separator: "?", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0].hasSuffix(Self.action) else {
            throw Self.invalid("must be whole, as the group's settings show it: https://…/cgi-bin/webhook/send?key=…")
        }
        let key = parts[1].split(separator: "&").first { $0.hasPrefix("key=") }?.dropFirst("key=".count)
        guard let key, let text = PercentEncoding.decode(String(key)), !text.allSatisfy(\.isWhitespace) else {
            throw Self.invalid("must have the group webhook's key in it: …/send?key=…")
        }
        self.key = Secret(text)
        send = url
        upload = Secret("\(parts[0].dropLast(Self.action.count))/upload_media?\(parts[1])&type=")
    }

    private static let action = "/send"

    /// Takes files to be sent by their ids.
    ///
    /// - Parameter type: `file` or `voice`.
    func upload(_ type: String) -> Secret { Secret(upload.value + type) }

    /// What an answer says about what was posted, without the key, should it be in it.
    ///
    /// - Parameter name: What it was posted to, for people.
    func delivery(_ answer: PostAnswer, by name: String) -> Delivery {
        switch answer.delivery(by: name) {
        case .refused(let reason): .refused(.init(code: reason.code, key.withheld(from: reason.message)))
        case .unknown(let reason): .unknown(.init(code: reason.code, key.withheld(from: reason.message)))
        case let delivery: delivery
        }
    }

    private static func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }
}

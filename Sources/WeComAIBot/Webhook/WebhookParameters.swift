internal import FoundationEssentials

/// The parameters of a request to the callback address.
struct WebhookParameters: Sendable, Hashable {
    let signature: String
    let timestamp: String
    let nonce: String
    /// `echostr`: when the address is being verified.
    let echo: String?

    /// Names under which the signature has been seen, the documented one first.
    private static let signatureNames = ["msg_signature", "msgsignature", "signature"]

    /// - Parameter query: What follows the `?`. It is percent-decoded once, and a `+` stays one: this is not a form.
    /// - Throws: ``WebhookFailure`` (400) if a parameter is missing, empty, there twice, or not valid percent encoding.
    init(query: String) throws(WebhookFailure) {
        let components = URLComponents(string: "?\(query)", encodingInvalidCharacters: false)
        guard let components, components.fragment == nil else {
            throw WebhookFailure.parameters("the query is not valid percent encoding")
        }
        let items = components.queryItems ?? []
        func value(_ name: String) throws(WebhookFailure) -> String? {
            let values = items.filter { $0.name == name }
            guard values.count < 2 else { throw WebhookFailure.parameters("the parameter \(name) is there twice") }
            guard let item = values.first else { return nil }
            guard let value = item.value, !value.isEmpty else {
                throw WebhookFailure.parameters("the parameter \(name) has no value")
            }
            return value
        }
        func required(_ name: String) throws(WebhookFailure) -> String {
            guard let value = try value(name) else {
                throw WebhookFailure.parameters("the parameter \(name) is missing")
            }
            return value
        }
        let signatures = Self.signatureNames.filter { name in items.contains { $0.name == name } }
        signature = try required(signatures.first ?? Self.signatureNames[0])
        timestamp = try required("timestamp")
        nonce = try required("nonce")
        // Base64 has no space: what a server took for one was a plus.
        echo = try value("echostr").map { String($0.map { $0 == " " ? "+" : $0 }) }
    }
}

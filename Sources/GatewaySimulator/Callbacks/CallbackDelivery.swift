/// A request of the platform to a callback address.
package struct CallbackDelivery: Sendable {
    /// GET or POST.
    package let method: String
    /// The path.
    package let path: String
    /// The parameters, percent-encoded.
    package let query: String
    /// The body; empty for GET.
    package let body: [UInt8]
}

/// What was answered to a ``CallbackDelivery``.
package struct CallbackReply: Sendable {
    /// The HTTP status.
    package let status: Int
    /// The body.
    package let body: [UInt8]

    /// Makes an answer from its parts.
    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

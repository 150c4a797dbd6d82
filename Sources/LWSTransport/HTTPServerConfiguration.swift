package import BotFoundation

/// What an HTTP server listens on, and its limits.
package struct HTTPServerConfiguration: Sendable {
    /// A numeric address.
    package var host = "127.0.0.1"
    /// The port; 0 for any that is free.
    package var port: UInt16 = 0
    /// The certificate chain (leaf first) and key for TLS; nil for plain connections.
    package var tls: (certificatePEM: [UInt8], privateKeyPEM: [UInt8])?
    /// The methods that the handler gets; others are answered 405.
    package var methods: Set<String> = ["GET", "HEAD", "POST"]
    /// The headers that the handler gets; in lower case.
    package var headers: Set<String> = ["authorization", "content-type", "host", "user-agent"]

    /// The largest body, in bytes; a larger one is answered 413. Target and headers have a limit of their own, of about 8 KiB
    /// (`CLWS_HTTP_HEADER_BYTES`), beyond which the connection is closed.
    package var maximumBodyBytes = 4 * 1_024 * 1_024
    /// How many connections there may be; more are closed as they come.
    package var maximumConnections = 256
    /// How many requests may be with the handler. More are answered 503. There can be more of them than connections: one whose client
    /// has gone stays until its handler has heeded the cancellation.
    package var maximumHandlers = 512
    /// Gets what a handler did wrong, at `error`.
    package var log = Log.disabled
    /// How long the first request may take from the connection on, TLS included; and the body of a later one. At most 20 s count,
    /// because libwebsockets has limits of its own. Late headers close the connection, a late body is answered 408.
    package var requestDeadline: Duration = .seconds(10)
    /// How long after a response the head of the next request may take.
    package var idleDeadline: Duration = .seconds(30)
    /// How long the handler may take before 503 is answered; its task is cancelled then.
    package var handlerDeadline: Duration = .seconds(30)
    /// How long a client may take to receive a response before the connection is dropped.
    package var writeDeadline: Duration = .seconds(30)

    package init() {}

    /// Host and port as they stand in a URL.
    package var authority: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

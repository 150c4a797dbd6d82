/// An HTTP/1.1 client on an event loop: one connection for each request, no redirects followed, nothing decoded, no cookies.
package final class HTTPClient: Sendable {
    private let loop: EventLoop
    private let configuration: HTTPClientConfiguration

    package init(loop: EventLoop, configuration: HTTPClientConfiguration = .init()) {
        self.loop = loop
        self.configuration = configuration
    }

    /// Sends a request and returns with the response's head; its body follows as it is read. Cancelling the task closes the connection.
    package func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        let endpoint: HTTPEndpoint
        do {
            endpoint = try HTTPEndpoint(request.url)
        } catch {
            throw HTTPClientError(.invalidRequest, "the URL \(error.message)")
        }
        let exchange = HTTPExchange(
            endpoint: endpoint,
            request: try request.encoded(for: endpoint),
            expectsBody: request.method != "HEAD",
            configuration: configuration,
            loop: loop
        )
        return try await exchange.response()
    }
}

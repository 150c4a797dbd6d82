internal import BotFoundation
internal import LWSTransport

extension WebhookFallback {
    /// What posts late answers as a server is configured to.
    static func post(on loop: EventLoop, _ configuration: WebhookServerConfiguration) -> Post {
        post(on: loop, configuration.client, through: configuration.media.proxies)
    }

    /// What posts with an HTTP client.
    static func post(
        on loop: EventLoop,
        _ configuration: HTTPClientConfiguration,
        through proxies: HTTPProxies,
        contentType: String = "application/json"
    ) -> Post {
        { url, body throws(PostFailure) in
            var configuration = configuration
            do throws(TransportError) {
                configuration.proxy = try proxies.proxy(for: HTTPEndpoint(url.value))
            } catch {
                throw PostFailure(mayHaveArrived: false, "there is no way to it: \(error.message)")
            }
            do throws(HTTPClientError) {
                let request = HTTPClientRequest(
                    method: "POST",
                    url: url.value,
                    headers: [("content-type", contentType)],
                    body: body
                )
                let response = try await HTTPClient(loop: loop, configuration: configuration).send(request)
                return PostAnswer(status: response.status, body: try await response.body.bytes())
            } catch {
                throw PostFailure(mayHaveArrived: !Self.unsent.contains(error.code), error.message)
            }
        }
    }

    /// Whatever goes wrong before the request is sent.
    private static let unsent: Set<HTTPClientError.Code> = [
        .invalidRequest, .trustUnusable, .resolveFailed, .resolveTimeout, .addressNotAllowed, .connectFailed,
        .connectTimeout,
        .proxyFailed, .certificateRefused, .tlsFailed, .tlsTimeout,
    ]
}

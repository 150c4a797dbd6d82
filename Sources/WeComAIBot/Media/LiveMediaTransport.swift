internal import BotCore
package import LWSTransport

/// Fetches over the network.
struct LiveMediaTransport: MediaTransport {
    private let loop: EventLoop
    private let proxies: HTTPProxies
    private let http: HTTPClientConfiguration

    init(_ configuration: MediaConfiguration, on loop: EventLoop) {
        self.loop = loop
        proxies = configuration.proxies
        var http = HTTPClientConfiguration()
        http.trust = configuration.trust
        http.connectDeadline = configuration.connectDeadline
        http.firstByteDeadline = configuration.firstByteDeadline
        http.idleDeadline = configuration.idleDeadline
        http.overallDeadline = configuration.overallDeadline
        http.maximumBodyBytes = 1 << 48  // whoever reads it has a limit
        self.http = http
    }

    func get(_ address: MediaAddress, reach: MediaReach) async throws(MediaError) -> MediaResponse {
        var http = http
        do throws(TransportError) {
            http.proxy = try proxies.proxy(for: address)
        } catch {
            throw MediaError(.unreachable, "there is no way to it: \(error.message)")
        }
        if reach == .publicOnly { http.isAllowed = { PublicAddress.contains($0.bytes) } }
        let client = HTTPClient(loop: loop, configuration: http)
        do throws(HTTPClientError) {
            let response = try await client.send(HTTPClientRequest(url: address.url))
            return MediaResponse(status: response.status, headers: response.headers, body: Body(body: response.body))
        } catch {
            throw MediaError(error)
        }
    }

    private struct Body: MediaBody {
        let body: HTTPBody

        func next() async throws(MediaError) -> [UInt8]? {
            var iterator = body.makeAsyncIterator()
            do throws(HTTPClientError) {
                return try await iterator.next()
            } catch {
                throw MediaError(error)
            }
        }
    }
}

extension MediaClient {
    /// A client that fetches over the network.
    package convenience init(_ configuration: MediaConfiguration, on loop: EventLoop) {
        self.init(configuration, transport: LiveMediaTransport(configuration, on: loop))
    }
}

extension MediaError {
    fileprivate init(_ error: HTTPClientError) {
        switch error.code {
        case .addressNotAllowed: self = .addressRefused
        case .cancelled: self = .cancelled
        case .incomplete: self.init(.truncated, error.message)
        case .bodyTooLarge: self.init(.tooLarge, error.message)
        case .invalidRequest: self.init(.invalidAddress, error.message)
        case .resolveTimeout, .connectTimeout, .tlsTimeout, .firstByteTimeout, .idleTimeout, .overallTimeout:
            self.init(.timedOut, error.message)
        case .loopShutDown: self.init(.unavailable, "the bot has ended")
        default: self.init(.unreachable, error.message)
        }
    }
}

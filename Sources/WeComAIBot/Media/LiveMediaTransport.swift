internal import BotCore
package import LWSTransport

/// Fetches over the network.
struct LiveMediaTransport: MediaTransport {
    private let publicOnly: HTTPClient
    private let everywhere: HTTPClient

    init(_ configuration: MediaConfiguration, on loop: EventLoop) {
        var http = HTTPClientConfiguration()
        http.trust = configuration.trust
        http.proxy = configuration.proxy
        http.connectDeadline = configuration.connectDeadline
        http.firstByteDeadline = configuration.firstByteDeadline
        http.idleDeadline = configuration.idleDeadline
        http.overallDeadline = configuration.overallDeadline
        http.maximumBodyBytes = 1 << 48  // whoever reads it has a limit
        everywhere = HTTPClient(loop: loop, configuration: http)
        http.isAllowed = { PublicAddress.contains($0.bytes) }
        publicOnly = HTTPClient(loop: loop, configuration: http)
    }

    func get(_ address: MediaAddress, reach: MediaReach) async throws(MediaError) -> MediaResponse {
        let client =
            switch reach {
            case .publicOnly: publicOnly
            case .everywhere: everywhere
            }
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

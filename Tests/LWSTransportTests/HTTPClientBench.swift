import LWSTransport
import Testing

/// For what ends for another reason: no load makes one of these pass.
func patientClient() -> HTTPClientConfiguration {
    var configuration = HTTPClientConfiguration()
    configuration.connectDeadline = .seconds(3_600)
    configuration.firstByteDeadline = .seconds(3_600)
    configuration.idleDeadline = .seconds(3_600)
    configuration.overallDeadline = .seconds(3_600)
    return configuration
}

/// The outcome of a request whose body is read to its end.
struct Outcome: Sendable {
    var status = 0
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var error: HTTPClientError?
    /// Whether the error came after the head.
    var isLate = false

    var text: String { String(decoding: body, as: UTF8.self) }
}

extension HTTPClient {
    func outcome(_ request: HTTPClientRequest) async -> Outcome {
        var outcome = Outcome()
        do throws(HTTPClientError) {
            let response = try await send(request)
            (outcome.status, outcome.headers, outcome.isLate) = (response.status, response.headers, true)
            var iterator = response.body.makeAsyncIterator()
            while let piece = try await iterator.next() {
                #expect(!piece.isEmpty)
                outcome.body += piece
            }
        } catch {
            outcome.error = error
        }
        return outcome
    }

    func outcome(_ url: String) async -> Outcome { await outcome(HTTPClientRequest(url: url)) }
}

/// What a client on a loop of its own makes of one request.
func outcome(
    _ request: HTTPClientRequest,
    _ configuration: HTTPClientConfiguration = patientClient(),
    lookUp: @escaping Resolver.LookUp = Resolver.system
) async throws -> Outcome {
    let loop = try EventLoop(lookUp: lookUp)
    let outcome = await HTTPClient(loop: loop, configuration: configuration).outcome(request)
    await loop.shutdown()
    return outcome
}

func outcome(
    _ url: String,
    _ configuration: HTTPClientConfiguration = patientClient(),
    lookUp: @escaping Resolver.LookUp = Resolver.system
) async throws -> Outcome {
    try await outcome(HTTPClientRequest(url: url), configuration, lookUp: lookUp)
}

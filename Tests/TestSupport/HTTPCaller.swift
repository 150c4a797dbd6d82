import Foundation
import FoundationNetworking

/// An HTTP client that is not ours, for what our servers serve on this machine.
package final class HTTPCaller: Sendable {
    /// What was answered.
    package struct Answer: Sendable {
        package let status: Int
        package let headers: [String: String]
        package let body: [UInt8]

        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let session: URLSession

    package init(connections: Int = 256) {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.connectionProxyDictionary = [:]
        configuration.httpMaximumConnectionsPerHost = connections
        configuration.timeoutIntervalForRequest = 60
        session = URLSession(configuration: configuration)
    }

    deinit { session.invalidateAndCancel() }

    /// Sends a request. `url` is taken as it is.
    package func send(_ method: String, _ url: String, _ body: [UInt8] = []) async throws -> Answer {
        guard let address = URL(string: url) else { throw URLError(.badURL) }
        var request = URLRequest(url: address)
        request.httpMethod = method
        if method != "GET" { request.httpBody = Data(body) }
        let (data, response) = try await session.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        let headers = response.allHeaderFields.map { ("\($0.key)".lowercased(), "\($0.value)") }
        return Answer(
            status: response.statusCode,
            headers: Dictionary(headers, uniquingKeysWith: { _, last in last }),
            body: [UInt8](data)
        )
    }
}

/// The head of a response, and its body as it comes.
package struct HTTPClientResponse: Sendable {
    /// 200 to 599; a redirect too is given as it is.
    package let status: Int
    /// All of them, in the order of receipt, the same name more than once if it came so. A value that is not UTF-8 is read as Latin-1. Peer
    /// input: escape before printing.
    package let headers: [(name: String, value: String)]
    /// The body. When nobody refers to it any more, the connection is closed.
    package let body: HTTPBody

    /// The first value of a header, whatever the case of its name.
    package func header(_ name: String) -> String? { values(of: name).first }

    /// Every value of a header, whatever the case of its name.
    package func values(of name: String) -> [String] {
        let wanted = name.lowercased()
        return headers.filter { $0.name.lowercased() == wanted }.map(\.value)
    }
}

/// The body of a response, in pieces as they come. While its reader is behind, no more is read from the server. For one reader, once.
package struct HTTPBody: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    package typealias Failure = HTTPClientError

    private let lease: HTTPBodyLease

    init(_ exchange: HTTPExchange) {
        lease = HTTPBodyLease(exchange)
    }

    package func makeAsyncIterator() -> Iterator { Iterator(lease: lease) }

    /// The whole body; ``HTTPClientConfiguration/maximumBodyBytes`` bounds it.
    package func bytes() async throws(HTTPClientError) -> [UInt8] {
        var all: [UInt8] = []
        var iterator = makeAsyncIterator()
        while let piece = try await iterator.next() { all += piece }
        return all
    }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let lease: HTTPBodyLease

        /// The next piece, never empty; nil when the body is whole.
        package mutating func next() async throws(HTTPClientError) -> [UInt8]? { try await lease.exchange.nextPiece() }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPClientError) -> [UInt8]? {
            try await lease.exchange.nextPiece()
        }
    }
}

/// Gives the exchange up when nobody can read the body any more.
private final class HTTPBodyLease: Sendable {
    let exchange: HTTPExchange

    init(_ exchange: HTTPExchange) {
        self.exchange = exchange
    }

    deinit { exchange.abandon() }
}

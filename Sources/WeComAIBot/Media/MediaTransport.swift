internal import BotCore

/// What fetches over HTTP for ``MediaClient``: one request at a time, without following redirects.
protocol MediaTransport: Sendable {
    /// Asks for an address and returns when the head of the answer is there.
    ///
    /// - Parameter reach: Which IP addresses may be connected to. It is asked for each address that is about to be, whatever
    ///   a name resolved to before.
    /// - Throws: ``MediaError``.
    func get(_ address: MediaAddress, reach: MediaReach) async throws(MediaError) -> MediaResponse
}

/// Which IP addresses a request may go to.
enum MediaReach: Sendable, Hashable {
    /// Only those on the public internet.
    case publicOnly
    /// Every one, because the operator has allowed the origin.
    case everywhere
}

/// An answer whose body is still to come.
struct MediaResponse: Sendable {
    let status: Int
    /// Names in any case.
    let headers: [(name: String, value: String)]
    let body: any MediaBody

    /// The first value of a header.
    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }
}

/// The body of an answer. Released, it is given up.
protocol MediaBody: Sendable {
    /// The next piece; `nil` when all of it was there. For one task.
    func next() async throws(MediaError) -> [UInt8]?
}

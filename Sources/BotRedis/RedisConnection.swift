internal import CHiredis
internal import Glibc

/// A connection to a Redis server.
///
/// Invariant behind `@unchecked Sendable`: one thread at a time has it, because ``RedisStreamStore`` takes it out of its store of
/// idle ones for as long as it is used.
final class RedisConnection: @unchecked Sendable {
    private let context: UnsafeMutablePointer<redisContext>
    private let name: String
    private let deadline: Duration
    /// How many answers are still to come.
    private var expected = 0

    /// Connects, which takes `deadline` at most, without a name server's time.
    init(_ address: RedisAddress, deadline: Duration) throws(RedisError) {
        Self.blockBrokenPipe()
        name = address.description
        self.deadline = deadline
        let time = timeval(deadline)
        let made =
            switch address.place {
            case .host(let host, let port): redisConnectWithTimeout(host, Int32(port), time)
            case .unixSocket(let path): redisConnectUnixWithTimeout(path, time)
            }
        guard let made else { throw RedisError(.unreachable, "\(address): there is no memory for a connection") }
        guard made.pointee.err == 0 else {
            let reason = Self.reason(made)
            redisFree(made)
            throw RedisError(.unreachable, "\(address) cannot be reached: \(reason)")
        }
        context = made
        // Another program that this process starts must not inherit it.
        _ = fcntl(made.pointee.fd, F_SETFD, FD_CLOEXEC)
        redisSetTimeout(made, time)
    }

    deinit { redisFree(context) }

    /// Whether it can be used again: nothing is still to come.
    var isClean: Bool { context.pointee.err == 0 && expected == 0 }

    /// Sends one command.
    ///
    /// - Returns: Its answer; an error of the server is one.
    func run(_ command: [String]) throws(RedisError) -> RedisValue {
        try append(command)
        return try answer()
    }

    /// Has a command ready to be sent.
    func append(_ command: [String]) throws(RedisError) {
        let parts = command.map { Array($0.utf8CString) }
        var addresses: [UnsafePointer<CChar>?] = []
        var lengths: [Int] = []
        // Copied by hiredis before the buffers go.
        let code = Self.withAddresses(parts[...], &addresses, &lengths) { addresses, lengths in
            redisAppendCommandArgv(context, Int32(addresses.count), &addresses, lengths)
        }
        guard code == REDIS_OK else { throw RedisError(.malformed, "\(name): there is no memory for a command") }
        expected += 1
    }

    /// Sends what is ready, and waits for the next answer.
    func answer() throws(RedisError) -> RedisValue {
        Self.blockBrokenPipe()
        var reply: UnsafeMutableRawPointer?
        guard redisGetReply(context, &reply) == REDIS_OK, let reply else { throw failure(errno) }
        defer { freeReplyObject(reply) }
        expected -= 1
        return RedisValue(reply.assumingMemoryBound(to: redisReply.self).pointee)
    }

    private func failure(_ code: Int32) -> RedisError {
        switch context.pointee.err {
        case REDIS_ERR_IO where code == EAGAIN:
            RedisError(.timeout, "\(name) does not answer within \(Int(deadline / .milliseconds(1))) ms")
        case REDIS_ERR_IO, REDIS_ERR_EOF: RedisError(.closed, "\(name) has closed the connection")
        default: RedisError(.malformed, "\(name) does not answer as Redis does: \(Self.reason(context))")
        }
    }

    private static func reason(_ context: UnsafeMutablePointer<redisContext>) -> String {
        withUnsafeBytes(of: context.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private static func withAddresses<Result>(
        _ parts: ArraySlice<[CChar]>,
        _ addresses: inout [UnsafePointer<CChar>?],
        _ lengths: inout [Int],
        _ body: (inout [UnsafePointer<CChar>?], [Int]) -> Result
    ) -> Result {
        guard let first = parts.first else { return body(&addresses, lengths) }
        return first.withUnsafeBufferPointer { buffer in
            addresses.append(buffer.baseAddress)
            lengths.append(buffer.count - 1)
            return withAddresses(parts.dropFirst(), &addresses, &lengths, body)
        }
    }

    /// hiredis writes without MSG_NOSIGNAL. The thread is a pool's, which has no other use for the signal.
    private static func blockBrokenPipe() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}

extension timeval {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}

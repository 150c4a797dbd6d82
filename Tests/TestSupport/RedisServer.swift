internal import BotFoundation
internal import Glibc

/// A Redis server of a test's own, which keeps nothing. On a socket in a directory of its own, and on a port if it is told one.
package final class RedisServer: Sendable {
    /// The directory could not be made.
    package struct NoDirectory: Error {}

    /// Where its socket is.
    package let path: String
    private let directory: String
    private let options: [String]
    private let process: Locked<ChildProcess>

    /// Starts it, and waits until it can be reached.
    package init(port: UInt16 = 0, _ options: [String] = []) async throws {
        guard let template = strdup("/tmp/wecom-redis-XXXXXX") else { throw NoDirectory() }
        defer { free(template) }
        guard let made = mkdtemp(template) else { throw NoDirectory() }
        directory = String(cString: made)
        path = directory + "/socket"
        self.options =
            [
                "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", path, "--save", "", "--appendonly", "no",
                "--dir", directory,
            ] + options
        process = Locked(try Self.start(self.options))
        await isReady()
    }

    deinit {
        process.withLock { $0 }.signal(SIGKILL)
        unlink(path)
        rmdir(directory)
    }

    private static func start(_ options: [String]) throws -> ChildProcess {
        try ChildProcess(["redis-server"] + options)
    }

    private func isReady() async {
        // One line for each way to reach it; the socket's is the last.
        await process.withLock { $0 }.hasWritten("The server is now ready to accept connections at")
    }

    /// Kills it, and returns when it has ended.
    package func kill() async {
        let process = process.withLock { $0 }
        process.signal(SIGKILL)
        _ = await process.end()
    }

    /// Starts it again: it has forgotten everything.
    package func restart() async throws {
        await kill()
        unlink(path)
        let next = try Self.start(options)
        process.withLock { $0 = next }
        await isReady()
    }

    /// Stops it in the middle of whatever it does; connections are still taken by the kernel.
    package func freeze() { process.withLock { $0 }.signal(SIGSTOP) }

    /// It goes on.
    package func thaw() { process.withLock { $0 }.signal(SIGCONT) }
}

internal import BotFoundation
internal import FoundationEssentials
package import Glibc

/// Another program.
///
/// Not Foundation's `Process`: its `run()` reads past the end of a directory entry when some 1,400 descriptors are open.
package final class ChildProcess: Sendable {
    /// It could not be started, or not be written to.
    package struct Failure: Error {
        package let call: String
        package let code: Int32
    }

    private struct State {
        /// The end to write to; many programs end when their input does.
        var input: Int32?
        var isReaped = false
    }

    package let id: pid_t
    private let state: Locked<State>
    private let pieces = EventRecorder<[UInt8]>()
    private let statuses = EventRecorder<Int32>()
    private let threads = ThreadPool(name: "child-process")

    /// Starts it.
    ///
    /// - Parameters:
    ///   - arguments: The program, looked for in `PATH`, and what it is told.
    ///   - environment: All of it; `nil` for that of this process.
    ///   - directory: Where it works, if not where this process does.
    ///   - keepsErrors: Whether what it writes to standard error is part of ``output``.
    package init(
        _ arguments: [String],
        environment: [String: String]? = nil,
        directory: String? = nil,
        keepsErrors: Bool = true
    ) throws {
        let command = directory.map { ["env", "-C", $0] + arguments } ?? arguments
        let environment = environment ?? ProcessInfo.processInfo.environment
        // One at a time: another program that is started before the pipes are marked would keep their ends open.
        let (child, input, output) = try Self.isStarting.withLock { _ in
            try Self.start(command, environment: environment, keepsErrors: keepsErrors)
        }
        id = child
        state = Locked(State(input: input))
        let (state, pieces, statuses) = (state, pieces, statuses)
        threads.execute {
            while let piece = Self.read(output) { pieces.record(piece) }
            close(output)
            var information = siginfo_t()
            while waitid(P_PID, id_t(child), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            // Reaped where nobody can send it a signal at the same time: its number may belong to another process next.
            let status = state.withLock { state in
                var status: Int32 = 0
                waitpid(child, &status, 0)
                state.isReaped = true
                return status
            }
            let signal = status & 0x7F
            statuses.record(signal == 0 ? (status >> 8) & 0xFF : 128 + signal)
        }
    }

    /// A test that failed leaves nothing running.
    deinit {
        signal(SIGKILL)
        closeInput()
    }

    /// Sends a signal, unless it has ended.
    package func signal(_ number: Int32) {
        state.withLock { if !$0.isReaped { kill(id, number) } }
    }

    /// Writes to its input, and waits until it has room.
    package func write(_ bytes: [UInt8]) throws {
        guard let input = state.withLock({ $0.input }) else { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { throw Failure(call: "write", code: errno) }
            rest = rest.dropFirst(max(0, count))
        }
    }

    /// Ends its input.
    package func closeInput() {
        let input = state.withLock { $0.input.take() }
        if let input { close(input) }
    }

    /// Waits for the end: the status as a shell would show it, and what was written. `nil` for a status that has not come when the
    /// task is cancelled.
    package func end() async -> (status: Int32?, output: String) {
        let status = await statuses.wait { !$0.isEmpty }.first
        return (status, output)
    }

    /// What it has written so far.
    package var output: String { Self.text(pieces.events) }

    /// Waits until it has written `text`, or its task is cancelled.
    package func hasWritten(_ text: String) async {
        await pieces.wait { Self.text($0).contains(text) }
    }

    /// Not of nothing: what has no size has the address of what stands beside it, and the thread sanitizer takes one for the other.
    private static let isStarting = Locked(false)

    private static func start(
        _ command: [String],
        environment: [String: String],
        keepsErrors: Bool
    ) throws -> (id: pid_t, input: Int32, output: Int32) {
        let (inputEnds, outputEnds) = (try Self.pipe(), try Self.pipe())
        defer { for end in [inputEnds.reading, outputEnds.writing] { close(end) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputEnds.reading, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, outputEnds.writing, STDOUT_FILENO)
        if keepsErrors {
            posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Not with the mask of this thread: one of Swift's pool blocks every signal.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        // Nor with its dispositions: what runs in the background of a shell ignores SIGINT.
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for signal in [SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM] { sigaddset(&defaults, signal) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var child = pid_t()
        let program = command[0]
        let code = command.withCStrings { arguments in
            environment.map { "\($0.key)=\($0.value)" }.withCStrings { environment in
                posix_spawnp(&child, program, &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else {
            for end in [inputEnds.writing, outputEnds.reading] { close(end) }
            throw Failure(call: command[0], code: code)
        }
        return (child, inputEnds.writing, outputEnds.reading)
    }

    private static func text(_ pieces: [[UInt8]]) -> String { String(decoding: pieces.joined(), as: UTF8.self) }

    private static func pipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw Failure(call: "pipe", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// `nil` at the end.
    private static func read(_ descriptor: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var count = 0
        repeat { count = Glibc.read(descriptor, &buffer, buffer.count) } while count < 0 && errno == EINTR
        return count > 0 ? Array(buffer.prefix(count)) : nil
    }
}

extension [String] {
    /// The strings as C sees them, with the null at the end.
    fileprivate func withCStrings<Result>(_ body: ([UnsafeMutablePointer<CChar>?]) -> Result) -> Result {
        let pointers = map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}

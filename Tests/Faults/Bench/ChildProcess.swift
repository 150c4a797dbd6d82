import BotFoundation
import FoundationEssentials
import Glibc

/// Another program, run by a case. Its output goes to a file.
final class ChildProcess: Sendable {
    let id: pid_t
    private let outputPath: String
    /// Never written to, and open as long as this object lives: some programs end when their input does.
    private let input: Int32
    private let audit: Audit
    private let isReaped = Locked(false)

    /// Starts it, with this environment and no other.
    init(_ arguments: [String], environment: [String: String], audit: Audit) throws {
        self.audit = audit
        outputPath = FileManager.default.temporaryDirectory.appending(path: "faults-\(UUID().uuidString).log").path()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Socket.Failure(call: "pipe") }
        for end in ends { Socket.prepare(end) }
        defer { close(ends[0]) }
        input = ends[1]
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Not with the mask and dispositions of this process.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var child = pid_t()
        let program = arguments[0]
        let code = arguments.withCStrings { arguments in
            environment.map { "\($0.key)=\($0.value)" }.withCStrings { environment in
                posix_spawnp(
                    &child,
                    program,
                    &actions,
                    &attributes,
                    arguments,
                    environment
                )
            }
        }
        guard code == 0 else {
            throw Failure(expected: "\(arguments[0]) to start", seen: String(cString: strerror(code)))
        }
        id = child
    }

    /// A case that failed leaves nothing running.
    deinit {
        close(input)
        guard !isReaped.withLock({ $0 }) else { return }
        kill(id, SIGKILL)
        waitpid(id, nil, 0)
        unlink(outputPath)
    }

    /// Sends a signal.
    func signal(_ number: Int32) { kill(id, number) }

    /// Waits for the end: the status as a shell would show it, and what was written. Kills it when `limit` is over.
    func end(within limit: Duration = .seconds(20)) async throws -> (status: Int32, output: String) {
        let deadline = ContinuousClock.now + limit
        var status: Int32 = 0
        var isLate = false
        while waitpid(id, &status, WNOHANG) == 0 {
            if ContinuousClock.now > deadline, !isLate {
                isLate = true
                kill(id, SIGKILL)
            }
            try await ContinuousClock().sleep(for: .milliseconds(5))
        }
        isReaped.withLock { $0 = true }
        let output = output
        audit.read(output: output)
        unlink(outputPath)
        let signal = status & 0x7F
        guard !isLate else {
            throw Failure(expected: "the process to end within \(limit.figure)", seen: String(output.suffix(400)))
        }
        return (signal == 0 ? (status >> 8) & 0xFF : 128 + signal, output)
    }

    /// What it has written so far.
    var output: String {
        guard let data = FileManager.default.contents(atPath: outputPath) else { return "" }
        return String(decoding: data, as: UTF8.self)
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

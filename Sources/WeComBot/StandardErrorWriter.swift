import BotFoundation
import Glibc

/// Writes lines without ever waiting for whoever reads them.
final class StandardErrorWriter: Sendable {
    /// Where lines go.
    struct Output: Sendable {
        /// Whether a line can be written now without waiting.
        let isReady: @Sendable () -> Bool
        /// `write(2)`: the number of bytes written, or an error number below zero.
        let write: @Sendable (UnsafeRawBufferPointer) -> Int

        static func descriptor(_ descriptor: Int32) -> Output {
            Output(
                isReady: {
                    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    // POLLERR: nobody will ever read it, and writing would raise SIGPIPE.
                    return poll(&entry, 1, 0) == 1 && entry.revents == Int16(POLLOUT)
                },
                write: { bytes in
                    let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
                    return count < 0 ? -Int(errno) : count
                }
            )
        }
    }

    private struct State {
        /// Whether a thread writes. Only one does: two that were told that there is room would not both find it.
        var isWriting = false
        /// Lines that came meanwhile.
        var pending = Queue<[UInt8]>()
        /// Lines left out since the last one that got through.
        var lost = 0
        /// Whether the last line was cut short by an error.
        var isMidLine = false
    }

    /// How many lines may wait for the thread that writes.
    static let maximumPending = 64

    private let output: Output
    private let format: StandardErrorFormat
    private let state = Locked(State())

    init(output: Output, format: StandardErrorFormat) {
        self.output = output
        self.format = format
    }

    /// Writes one line, leaves it to the thread that writes, or counts it as lost. Any thread; the lock is not held while writing.
    func write(_ record: Log.Record) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let line = format.line(record.level, record.message, record.metadata, at: time)
        let isFirst = state.withLock { state in
            if state.isWriting, state.pending.count >= Self.maximumPending {
                state.lost += 1
            } else {
                state.pending.append(line)
            }
            defer { state.isWriting = true }
            return !state.isWriting
        }
        guard isFirst else { return }
        while let line = nextLine() { write(line) }
    }

    private func nextLine() -> [UInt8]? {
        state.withLock { state in
            let line = state.pending.popFirst()
            if line == nil { state.isWriting = false }
            return line
        }
    }

    private func write(_ line: [UInt8]) {
        guard output.isReady() else { return state.withLock { $0.lost += 1 } }
        let lost = state.withLock { state in
            defer { state.lost = 0 }
            return state.lost
        }
        if lost > 0 {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            let message = "log lines were lost because nobody read them"
            guard writeWhole(format.line(.warning, message, [(key: .count, value: "\(lost)")], at: time)) else {
                return state.withLock { $0.lost += lost + 1 }
            }
        }
        guard lost == 0 || output.isReady(), writeWhole(line) else {
            return state.withLock { $0.lost += 1 }
        }
    }

    private func writeWhole(_ line: [UInt8]) -> Bool {
        let isMidLine = state.withLock { state in
            defer { state.isMidLine = false }
            return state.isMidLine
        }
        let whole = isMidLine ? [UInt8(ascii: "\n")] + line : line
        var rest = whole[...]
        while !rest.isEmpty {
            let result = rest.withUnsafeBytes(output.write)
            if result == -Int(EINTR) { continue }
            guard result > 0 else {
                if isMidLine || rest.count < whole.count { state.withLock { $0.isMidLine = true } }
                return false
            }
            rest = rest.dropFirst(result)
        }
        return true
    }
}

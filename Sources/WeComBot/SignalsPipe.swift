import Glibc

/// The two ends of a pipe that does not block and that child processes do not inherit.
struct SignalsPipe: Sendable {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws(SignalsError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SignalsError(doing: "pipe", errno) }
        (readEnd, writeEnd) = (ends[0], ends[1])
        // Glibc's Swift module has no pipe2; these two cannot fail on a descriptor that is open.
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }
}

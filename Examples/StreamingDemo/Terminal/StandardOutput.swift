import Glibc

/// Standard output, unbuffered.
enum StandardOutput {
    /// Writes all of it. If nobody reads any more, the process ends as a filter does, by SIGPIPE.
    static func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EPIPE {
                signal(SIGPIPE, SIG_DFL)  // libwebsockets has it ignored
                raise(SIGPIPE)
            } else if errno != EINTR && errno != EAGAIN {
                return
            }
        }
    }
}

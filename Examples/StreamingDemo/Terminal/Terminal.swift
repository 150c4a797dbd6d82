import Glibc

/// The terminal that standard output is, if it is one.
struct Terminal {
    struct Size: Equatable {
        var columns: Int
        var rows: Int
    }

    /// Whether colours are wanted (no-color.org).
    let hasColor: Bool
    private let savedMode: termios?

    /// `nil` if standard output is a pipe or a file, or a terminal that cannot move its cursor.
    ///
    /// While it lasts, what is typed is not echoed: it would tear the picture apart. ``restore()`` brings that back.
    init?(environment: [String: String]) {
        let kind = environment["TERM"] ?? ""
        guard isatty(STDOUT_FILENO) == 1, !kind.isEmpty, kind != "dumb" else { return nil }
        hasColor = environment["NO_COLOR"].map(\.isEmpty) ?? true
        savedMode = Terminal.disableEcho()
    }

    /// The size now; it may change at any time.
    var size: Size {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return Size(columns: 80, rows: 24)
        }
        return Size(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }

    /// Brings back what was changed, and forgets what was typed meanwhile.
    func restore() {
        guard var mode = savedMode else { return }
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &mode)
    }

    private static func disableEcho() -> termios? {
        var mode = termios()
        // In the background it would stop the process.
        guard tcgetpgrp(STDIN_FILENO) == getpgrp(), tcgetattr(STDIN_FILENO, &mode) == 0 else { return nil }
        let saved = mode
        mode.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSANOW, &mode)
        return saved
    }
}

/// Draws a growing page at the bottom of a terminal, in place, and lets what has become final scroll away.
///
/// It keeps to the normal screen: afterwards the whole conversation is in the scrollback, like any program's output. Each
/// drawing is one write, with only the lines that changed in it, between the marks that terminals which know them
/// (mode 2026) take as one picture.
struct Screen {
    private let write: (String) -> Void
    /// What is on the screen from the first line that can still change, top to bottom. The cursor is on the last of them.
    private var drawn: [String] = []
    /// How many lines of the page are above those, for good.
    private var finalLines = 0
    private var isCursorHidden = false

    init(write: @escaping (String) -> Void) {
        self.write = write
    }

    /// Draws the page.
    ///
    /// - Parameters:
    ///   - page: Every line from the very first.
    ///   - settled: How many lines at its start will never change again.
    ///   - height: How many rows the terminal has.
    mutating func draw(_ page: [String], settled: Int, height: Int) {
        let live = page.dropFirst(finalLines)
        let excess = max(0, live.count - max(1, height))
        let leaving = min(excess, max(0, settled - finalLines))
        // What should leave but may still change is hidden until it may.
        let lines = Array(live.prefix(leaving)) + Array(live.dropFirst(leaving).suffix(max(1, height)))
        guard lines != drawn else { return }

        var output = "\u{1B}[?2026h"
        if !isCursorHidden { output += "\u{1B}[?25l" }
        isCursorHidden = true
        output += Screen.toTop(of: drawn)
        for (row, line) in lines.enumerated() {
            if row > 0 { output += "\r\n" }
            if row >= drawn.count || drawn[row] != line { output += line + "\u{1B}[K" }
        }
        // From a line that was skipped, clearing would begin too early.
        if lines.isEmpty {
            output += "\u{1B}[J"
        } else if lines.count < drawn.count {
            output += "\r\n\u{1B}[J\u{1B}[1A"
        }
        write(output + "\u{1B}[?2026l")
        drawn = Array(lines.dropFirst(leaving))
        finalLines += leaving
    }

    /// Starts over on an empty screen, because the terminal has another size: what was there is no longer where it was.
    ///
    /// - Parameter hidden: How many lines of the page do not fit; they are not shown again.
    mutating func restart(hidden: Int) {
        write("\u{1B}[H\u{1B}[2J")
        drawn = []
        finalLines = hidden
    }

    /// Leaves the cursor below what was drawn, visible.
    mutating func end() {
        write((drawn.isEmpty ? "" : "\r\n") + (isCursorHidden ? "\u{1B}[?25h" : ""))
        drawn = []
        isCursorHidden = false
    }

    private static func toTop(of lines: [String]) -> String {
        lines.count > 1 ? "\r\u{1B}[\(lines.count - 1)A" : "\r"
    }
}

import BotFoundation
import TestSupport
import Testing

@testable import StreamingDemo

struct ScreenTests {
    /// A page that grows like a conversation: settled lines at the top, changing ones at the bottom.
    @Test func afterwardsEveryLineIsThereOnceAndTheCursorIsBelow() {
        var generator = SeededGenerator(seed: SeededGenerator.seed(for: #function))
        for _ in 0..<200 {
            let height = Int.random(in: 1...8, using: &generator)
            let terminal = FakeTerminal(height: height)
            var screen = Screen { terminal.write($0) }
            var settled: [String] = []
            for step in 0..<30 {
                settled += (0..<Int.random(in: 0...3, using: &generator)).map { "line \(settled.count + $0)" }
                let changing = (0..<Int.random(in: 0...10, using: &generator)).map { "\(step) at \($0)" }
                screen.draw(settled + changing, settled: settled.count, height: height)
                // What may still change and does not fit is hidden; everything else is there, in the scrollback or above.
                let expected = settled + (changing.count > height ? [] : changing)
                #expect(terminal.all.starts(with: expected))
                let isWhole = terminal.all == expected || terminal.all == expected + [""]
                #expect(isWhole || changing.count > height)
            }
            screen.draw(settled, settled: settled.count, height: height)
            screen.end()
            #expect(terminal.all == settled + [""])
            #expect(terminal.isCursorVisible)
        }
    }

    @Test func linesThatDidNotChangeAreNotWrittenAgain() {
        let terminal = FakeTerminal(height: 10)
        var written = ""
        var screen = Screen {
            written = $0
            terminal.write($0)
        }
        screen.draw(["a", "b", "c"], settled: 1, height: 10)
        screen.draw(["a", "b", "d"], settled: 1, height: 10)
        #expect(!written.contains("b"))
        written = ""
        screen.draw(["a", "b", "d"], settled: 1, height: 10)
        #expect(written.isEmpty)
        #expect(terminal.screen == ["a", "b", "d"])
    }
}

/// As much of a terminal as ``Screen`` uses.
private final class FakeTerminal {
    private let height: Int
    private var scrollback: [String] = []
    private(set) var screen: [String] = [""]
    private(set) var isCursorVisible = true
    private var row = 0
    private var isAtStart = true

    init(height: Int) {
        self.height = height
    }

    var all: [String] { scrollback + screen }

    func write(_ text: String) {
        var rest = Substring(text)
        while let character = rest.first {
            if character == "\u{1B}" {
                let sequence = rest.dropFirst(2).prefix { !$0.isLetter }
                guard let command = rest.dropFirst(2 + sequence.count).first else { return }
                rest = rest.dropFirst(3 + sequence.count)
                obey(command, sequence)
            } else {
                rest = rest.dropFirst()
                type(character)
            }
        }
    }

    private func type(_ character: Character) {
        switch character {
        case "\r": isAtStart = true
        case "\r\n":
            isAtStart = true
            row += 1
            if row == screen.count { screen.append("") }
            guard screen.count > height else { return }
            scrollback.append(screen.removeFirst())
            row -= 1
        default:
            // A line is always written whole, from its start.
            screen[row] = (isAtStart ? "" : screen[row]) + String(character)
            isAtStart = false
        }
    }

    private func obey(_ command: Character, _ argument: Substring) {
        switch command {
        case "A": row = max(0, row - (Int(argument) ?? 1))
        case "K": if isAtStart { screen[row] = "" }
        case "J":
            if isAtStart { screen[row] = "" }
            screen.removeLast(screen.count - row - 1)
        case "h", "l": if argument == "?25" { isCursorVisible = command == "h" }
        default: Issue.record("an unknown sequence \(argument)\(command)")
        }
    }
}

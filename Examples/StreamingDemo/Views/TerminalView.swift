import WeComBot

/// Shows a conversation in a terminal: who speaks, and the answers growing in place.
///
/// A frame adds several words at once; they are revealed over the moment until the next one, as WeCom's own client does it.
/// Nothing is shown that has not arrived.
struct TerminalView: View {
    private let terminal: Terminal
    private let start = ContinuousClock.now
    private var screen: Screen
    private var size: Terminal.Size
    private var page = Page()
    private var figures = Figures()
    private var state = ConnectionState.idle

    /// Wider lines are hard to read.
    private static let maximumWidth = 88
    /// In a narrower terminal nothing would be readable.
    static let minimumWidth = 24

    init(terminal: Terminal, write: @escaping (String) -> Void) {
        self.terminal = terminal
        screen = Screen(write: write)
        size = terminal.size
    }

    mutating func begin(url: String, script: Script) {
        page.append(.note([StyledLine("streaming-demo", .bold)]))
        let text =
            "A simulated gateway at \(url), a bot, \(script.people.count) people. Everything below crosses a real TLS WebSocket."
        page.append(.paragraph(StyledLine(text, .dim)))
        tick()
    }

    mutating func show(_ event: Ledger.Event, _ figures: Figures) {
        self.figures = figures
        switch event {
        case .state(let state): self.state = state
        case .asked(let answer): page.ask(answer)
        case .updated(let answer): page.update(answer)
        case .reset(let answers):
            let progress = answers.first.map { " in the middle of the answer, at \($0.bytes.asBytes)" } ?? ""
            let text = "the gateway drops the connection" + progress
            page.append(.remark(StyledLine("⚡ ", .color(.yellow)) + StyledLine(text, .color(.yellow))))
        case .healed(let duration):
            let text = "connected and subscribed again after \(duration.short); the answer goes on"
            page.append(.remark(StyledLine("↻  ", .color(.green)) + StyledLine(text, .color(.green))))
        case .mishap(let text): page.append(.remark(StyledLine("✗  " + text, .color(.red))))
        }
    }

    mutating func tick() {
        page.reveal()
        draw(.status)
    }

    mutating func end(_ ending: PlayEnding) {
        page.revealAll()
        switch ending {
        case .played(let verdict):
            page.append(.summary(verdict))
            draw(.nothing)
        case .interrupted: draw(.remark("○ interrupted"))
        case .failed: draw(.nothing)
        }
        screen.end()
    }

    /// What is below the conversation.
    private enum Footer {
        case nothing, status
        case remark(String)
    }

    private mutating func draw(_ footer: Footer) {
        let newSize = terminal.size
        let width = max(TerminalView.minimumWidth, min(newSize.columns - 1, TerminalView.maximumWidth))
        let layout = page.layout(width: width, inColor: terminal.hasColor)
        let lines = layout.lines + lines(of: footer, width: width).map { $0.encoded(inColor: terminal.hasColor) }
        if newSize != size {
            size = newSize
            screen.restart(hidden: min(layout.settled, max(0, lines.count - newSize.rows)))
        }
        screen.draw(lines, settled: layout.settled, height: newSize.rows)
    }

    private func lines(of footer: Footer, width: Int) -> [StyledLine] {
        switch footer {
        case .nothing: []
        case .status: [StyledLine(), status(width: width).cut(to: width)]
        case .remark(let text): [StyledLine(), StyledLine(text, .dim)]
        }
    }

    /// The connection, the figures and the time; in a narrow terminal without what matters least.
    private func status(width: Int) -> StyledLine {
        let state =
            StyledLine(isReady ? "● " : "○ ", .color(isReady ? .green : .yellow))
            + StyledLine(state.summary(now: .now), .color(isReady ? nil : .yellow))
        let traffic = StyledLine("\(figures.frames.of("frame")), \(figures.bytes.asBytes)", .dim)
        let latency = figures.medianLatency.map { StyledLine("first frame after \($0.short)", .dim) }
        let time = StyledLine("\((ContinuousClock.now - start).components.seconds) s", .dim)
        let choices = [[state, traffic, latency, time], [state, traffic, time], [state, time]].map { pieces in
            let present = pieces.compactMap(\.self)
            return present.dropFirst().reduce(state) { $0 + StyledLine(" · ", .dim) + $1 }
        }
        return choices.first { $0.columns <= width } ?? state
    }

    private var isReady: Bool { state == .ready }
}

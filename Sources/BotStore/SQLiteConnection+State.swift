internal import BotCore

/// The tables, and how the state is kept in them.
extension SQLiteConnection {
    static let schema = [
        """
        CREATE TABLE turns (
            number INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, message_id TEXT NOT NULL, kind TEXT NOT NULL,
            is_group INTEGER NOT NULL, conversation TEXT NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL,
            raw BLOB NOT NULL, route TEXT,
            started INTEGER NOT NULL, bubble INTEGER NOT NULL, handed TEXT, answer TEXT NOT NULL, shown INTEGER NOT NULL,
            complete INTEGER NOT NULL
        )
        """,
        "CREATE TABLE seen (number INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL)",
        "CREATE INDEX seen_at ON seen (at)",
    ]

    func integer(_ sql: String) throws(StoreError) -> Int64 {
        guard case .integer(let number)? = try run(sql).first?.first else {
            throw StoreError(.corrupt, "\(path) is damaged: no number from \(sql)")
        }
        return number
    }

    // MARK: - Writing

    func write(_ change: StateChange) throws(StoreError) {
        switch change {
        case .opened(let turn): try open(turn)
        case .answered(let number, let answer):
            try run(
                "UPDATE turns SET started=?, bubble=?, handed=?, answer=?, shown=?, complete=? WHERE number=?",
                columns(of: answer) + [.integer(number)]
            )
        case .closed(let number): try run("DELETE FROM turns WHERE number=?", [.integer(number)])
        case .seen(let id, let time):
            // Replaced and not changed, so that the newest ids have the highest numbers.
            try run("INSERT OR REPLACE INTO seen (message_id, at) VALUES (?, ?)", [.text(id), .integer(time)])
        case .forget(let time, let count):
            try run("DELETE FROM seen WHERE at < ?", [.integer(time)])
            try run(
                "DELETE FROM seen WHERE number <= (SELECT max(number) FROM seen) - ?",
                [.integer(Int64(clamping: count))]
            )
        }
    }

    private func open(_ turn: SavedTurn) throws(StoreError) {
        let message = turn.message
        let values: [Value] = [
            .integer(turn.number), .integer(turn.receivedAt), .text(message.id), .text(message.kind.rawValue),
            .integer(message.conversation.kind == .group ? 1 : 0), .text(message.conversation.id),
            .text(message.sender), .text(message.text), .blob(message.raw), turn.route.map(Value.text) ?? .null,
        ]
        try run(
            """
            INSERT OR REPLACE INTO turns (number, received_at, message_id, kind, is_group, conversation, sender, text, raw, route,
                started, bubble, handed, answer, shown, complete) VALUES (?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?)
            """,
            values + columns(of: turn.answer)
        )
        if !message.id.isEmpty { try write(.seen(id: message.id, at: turn.receivedAt)) }
    }

    private func columns(of answer: SavedAnswer?) -> [Value] {
        let flag = { (flag: Bool) in Value.integer(flag ? 1 : 0) }
        let answered = answer ?? SavedAnswer()
        return [
            flag(answer != nil), .integer(Int64(answered.bubble)), answered.handed.map(Value.text) ?? .null,
            .text(answered.text), flag(answered.isShown), flag(answered.isComplete),
        ]
    }

    // MARK: - Reading

    /// All that is in the tables, and how many rows make no sense.
    func load() throws(StoreError) -> (state: SavedState, skipped: Int) {
        let turns = try run(
            """
            SELECT number, received_at, message_id, kind, is_group, conversation, sender, text, raw, route,
                started, bubble, handed, answer, shown, complete FROM turns ORDER BY number
            """
        )
        let seen = try run("SELECT message_id, at FROM seen ORDER BY number")
        let state = SavedState(turns: turns.compactMap(Self.turn), seen: seen.compactMap(Self.sighting))
        return (state, turns.count - state.turns.count + seen.count - state.seen.count)
    }

    private static func sighting(_ row: [Value]) -> SavedState.Sighting? {
        guard row.count == 2, case .text(let id) = row[0], case .integer(let time) = row[1] else { return nil }
        return SavedState.Sighting(id: id, at: time)
    }

    private static func turn(_ row: [Value]) -> SavedTurn? {
        guard row.count == 16,
            case .integer(let number) = row[0], SavedTurn.numbers.contains(number),
            case .integer(let receivedAt) = row[1], case .text(let id) = row[2], case .text(let kind) = row[3],
            case .integer(let isGroup) = row[4], case .text(let conversation) = row[5],
            case .text(let sender) = row[6], case .text(let text) = row[7], case .blob(let raw) = row[8],
            let route = optionalText(row[9]), case .integer(let started) = row[10],
            let answer = answer(row[11...])
        else { return nil }
        let message = Inbound(
            id: id,
            kind: Inbound.Kind(rawValue: kind),
            conversation: Conversation(kind: isGroup == 1 ? .group : .single, id: conversation),
            sender: sender,
            text: text,
            raw: raw
        )
        return SavedTurn(
            number: number,
            message: message,
            route: route.text,
            receivedAt: receivedAt,
            answer: started == 0 ? nil : answer
        )
    }

    /// The most bubbles an answer is believed to have.
    private static let bubbles: ClosedRange<Int64> = 0...1_000_000

    private static func answer(_ row: ArraySlice<Value>) -> SavedAnswer? {
        let row = Array(row)
        guard case .integer(let bubble) = row[0], bubbles.contains(bubble), let handed = optionalText(row[1]),
            case .text(let text) = row[2], case .integer(let shown) = row[3], case .integer(let complete) = row[4]
        else { return nil }
        return SavedAnswer(
            bubble: Int(bubble),
            handed: handed.text,
            text: text,
            isShown: shown == 1,
            isComplete: complete == 1
        )
    }

    private struct OptionalText {
        let text: String?
    }

    private static func optionalText(_ value: Value) -> OptionalText? {
        switch value {
        case .null: OptionalText(text: nil)
        case .text(let text): OptionalText(text: text)
        case .integer, .blob: nil
        }
    }
}

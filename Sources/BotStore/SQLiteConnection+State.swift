internal import BotCore

/// The tables, and how the state is kept in them.
extension SQLiteConnection {
    static let schema = [
        """
        CREATE TABLE turns (
            number INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, message_id TEXT NOT NULL, kind TEXT NOT NULL,
            is_group INTEGER NOT NULL, conversation TEXT NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL,
            raw BLOB NOT NULL, route TEXT
        )
        """,
        // Of the turns whose handler was started. Apart from them, so that progress does not write the message again.
        """
        CREATE TABLE answers (
            turn INTEGER PRIMARY KEY, bubble INTEGER NOT NULL, rest TEXT NOT NULL, opening TEXT NOT NULL,
            mid_line INTEGER NOT NULL, shown INTEGER NOT NULL, complete INTEGER NOT NULL, route TEXT
        )
        """,
        // The final texts of those that the server said nothing about: few, and mostly none.
        """
        CREATE TABLE finals (
            turn INTEGER NOT NULL, bubble INTEGER NOT NULL, text TEXT NOT NULL, left INTEGER NOT NULL,
            PRIMARY KEY (turn, bubble)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE seen (number INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL)",
        "CREATE INDEX seen_at ON seen (at)",
    ]

    /// What version 1 of the tables had not.
    static let pushSchema = [
        // Messages that are no answers and have no verdict. Their numbers are of the same row as those of turns.
        """
        CREATE TABLE pushes (
            number INTEGER PRIMARY KEY, posted_at INTEGER NOT NULL, is_group INTEGER NOT NULL, conversation TEXT NOT NULL,
            kind TEXT NOT NULL, body BLOB NOT NULL, left INTEGER NOT NULL
        )
        """
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
        case .answered(let number, let answer): try write(answer, of: number)
        case .closed(let number):
            try run("DELETE FROM turns WHERE number=?", [.integer(number)])
            try forgetAnswer(of: number)
        case .posted(let push): try write(push)
        case .marked(let number, let mayHaveArrived):
            try run("UPDATE pushes SET left=? WHERE number=?", [.integer(mayHaveArrived ? 1 : 0), .integer(number)])
        case .settled(let number): try run("DELETE FROM pushes WHERE number=?", [.integer(number)])
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
            INSERT OR REPLACE INTO turns
                (number, received_at, message_id, kind, is_group, conversation, sender, text, raw, route)
                VALUES (?,?,?,?,?,?,?,?,?,?)
            """,
            values
        )
        // What stands there under this number belongs to a turn that is gone.
        try forgetAnswer(of: turn.number)
        if let answer = turn.answer { try write(answer, of: turn.number) }
        if !message.id.isEmpty { try write(.seen(id: message.id, at: turn.receivedAt)) }
    }

    private func write(_ push: SavedPush) throws(StoreError) {
        try run(
            """
            INSERT OR REPLACE INTO pushes (number, posted_at, is_group, conversation, kind, body, left)
                VALUES (?,?,?,?,?,?,?)
            """,
            [
                .integer(push.number), .integer(push.postedAt), .integer(push.conversation.kind == .group ? 1 : 0),
                .text(push.conversation.id), .text(push.message.kind.rawValue), .blob(push.message.body),
                .integer(push.mayHaveArrived ? 1 : 0),
            ]
        )
    }

    private func write(_ answer: SavedAnswer, of number: Int64) throws(StoreError) {
        try run(
            """
            INSERT OR REPLACE INTO answers (turn, bubble, rest, opening, mid_line, shown, complete, route)
                VALUES (?,?,?,?,?,?,?,?)
            """,
            [
                .integer(number), .integer(Int64(answer.bubble)), .text(answer.text), .text(answer.opening),
                .integer(answer.isMidLine ? 1 : 0), .integer(answer.isShown ? 1 : 0),
                .integer(answer.isComplete ? 1 : 0), answer.route.map(Value.text) ?? .null,
            ]
        )
        try run("DELETE FROM finals WHERE turn=?", [.integer(number)])
        for final in answer.finals {
            try run(
                "INSERT OR REPLACE INTO finals (turn, bubble, text, left) VALUES (?,?,?,?)",
                [
                    .integer(number), .integer(Int64(final.bubble)), .text(final.text),
                    .integer(final.mayHaveArrived ? 1 : 0),
                ]
            )
        }
    }

    private func forgetAnswer(of number: Int64) throws(StoreError) {
        try run("DELETE FROM answers WHERE turn=?", [.integer(number)])
        try run("DELETE FROM finals WHERE turn=?", [.integer(number)])
    }

    // MARK: - Reading

    /// All that is in the tables, and how many rows make no sense.
    func load() throws(StoreError) -> (state: SavedState, skipped: Int) {
        let turns = try run(
            """
            SELECT number, received_at, message_id, kind, is_group, conversation, sender, text, raw, turns.route,
                turn, bubble, rest, shown, complete, answers.route, opening, mid_line
                FROM turns LEFT JOIN answers ON turn = number ORDER BY number
            """
        )
        var finals: [Int64: [SavedAnswer.Final]] = [:]
        var senseless: Set<Int64> = []
        for row in try run("SELECT turn, bubble, text, left FROM finals ORDER BY turn, bubble") {
            guard case .integer(let turn)? = row.first else { continue }
            if let final = Self.final(row[1...]) {
                finals[turn, default: []].append(final)
            } else {
                senseless.insert(turn)
            }
        }
        let seen = try run("SELECT message_id, at FROM seen ORDER BY number")
        let saved = turns.compactMap { Self.turn($0, finals) }.filter { !senseless.contains($0.number) }
        let pushes = try run(
            "SELECT number, posted_at, is_group, conversation, kind, body, left FROM pushes ORDER BY number"
        )
        let state = SavedState(
            turns: saved,
            seen: seen.compactMap(Self.sighting),
            pushes: pushes.compactMap(Self.push)
        )
        let rows = turns.count + seen.count + pushes.count
        return (state, rows - state.turns.count - state.seen.count - state.pushes.count)
    }

    private static func sighting(_ row: [Value]) -> SavedState.Sighting? {
        guard row.count == 2, case .text(let id) = row[0], case .integer(let time) = row[1] else { return nil }
        return SavedState.Sighting(id: id, at: time)
    }

    private static func push(_ row: [Value]) -> SavedPush? {
        guard row.count == 7, case .integer(let number) = row[0], SavedTurn.numbers.contains(number),
            case .integer(let postedAt) = row[1], case .integer(let isGroup) = row[2],
            case .text(let conversation) = row[3], case .text(let kind) = row[4], case .blob(let body) = row[5],
            case .integer(let left) = row[6]
        else { return nil }
        return SavedPush(
            number: number,
            message: OutboundMessage(kind: OutboundMessage.Kind(rawValue: kind), body: body),
            conversation: Conversation(kind: isGroup == 1 ? .group : .single, id: conversation),
            postedAt: postedAt,
            mayHaveArrived: left != 0
        )
    }

    private static func turn(_ row: [Value], _ finals: [Int64: [SavedAnswer.Final]]) -> SavedTurn? {
        guard row.count == 18,
            case .integer(let number) = row[0], SavedTurn.numbers.contains(number),
            case .integer(let receivedAt) = row[1], case .text(let id) = row[2], case .text(let kind) = row[3],
            case .integer(let isGroup) = row[4], case .text(let conversation) = row[5],
            case .text(let sender) = row[6], case .text(let text) = row[7], case .blob(let raw) = row[8],
            let route = optionalText(row[9])
        else { return nil }
        var answer = answer(row[11...])
        answer?.finals = finals[number] ?? []
        // One that is there and makes no sense is not none: the handler was started.
        guard answer != nil || row[10] == .null else { return nil }
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
            answer: answer
        )
    }

    /// The most bubbles an answer is believed to have.
    private static let bubbles: ClosedRange<Int64> = 0...1_000_000

    private static func answer(_ row: ArraySlice<Value>) -> SavedAnswer? {
        let row = Array(row)
        guard case .integer(let bubble) = row[0], bubbles.contains(bubble), case .text(let text) = row[1],
            case .integer(let shown) = row[2], case .integer(let complete) = row[3], let route = optionalText(row[4]),
            case .text(let opening) = row[5], case .integer(let midLine) = row[6]
        else { return nil }
        return SavedAnswer(
            bubble: Int(bubble),
            text: text,
            opening: opening,
            isMidLine: midLine == 1,
            isShown: shown == 1,
            isComplete: complete == 1,
            route: route.text
        )
    }

    private static func final(_ row: ArraySlice<Value>) -> SavedAnswer.Final? {
        let row = Array(row)
        guard case .integer(let bubble) = row[0], bubbles.contains(bubble), case .text(let text) = row[1],
            case .integer(let left) = row[2]
        else { return nil }
        return SavedAnswer.Final(bubble: Int(bubble), text: text, mayHaveArrived: left != 0)
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

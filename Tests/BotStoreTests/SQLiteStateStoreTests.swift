import BotCore
import BotFoundation
import Glibc
import TestSupport
import Testing

@testable import BotStore

@Suite("SQLiteStateStore", .timeLimit(.minutes(10)))
struct SQLiteStateStoreTests {
    private let capture = LogCapture()
    private let directory: Directory

    init() throws {
        directory = try Directory()
    }

    private var path: String { directory.path + "/状态.db" }

    private func store(_ path: String? = nil) -> SQLiteStateStore {
        SQLiteStateStore(path: path ?? self.path, busyTimeout: .zero, synchronous: .off, log: capture.log)
    }

    private static func turn(_ number: Int64, id: String = "m", text: String = "", answer: SavedAnswer? = nil)
        -> SavedTurn
    {
        SavedTurn(
            number: number,
            message: Inbound(
                id: id,
                kind: .voice,
                conversation: Conversation(kind: .group, id: "群"),
                sender: "张三",
                text: text,
                raw: [0, 255, 0x0A]
            ),
            route: #"{"a":1}"#,
            receivedAt: 1_700_000_000_123,
            answer: answer
        )
    }

    /// What another process would find.
    private func found() throws -> SavedState {
        let store = store()
        defer { store.close() }
        return try store.recover()
    }

    private static let full = SavedAnswer(
        finals: [
            .init(bubble: 1, text: "e\u{301}\u{0}👨‍👩‍👧", mayHaveArrived: true),
            .init(bubble: 3, text: "", mayHaveArrived: false),
        ],
        bubble: 4,
        text: "其余",
        opening: "```swift\n",
        isMidLine: true,
        isShown: true,
        isComplete: true,
        route: #"{"b":"路"}"#
    )

    @Test("what was written comes back as it was, after the process has gone without a word")
    func roundTrip() throws {
        let store = store()
        #expect(try store.recover().turns.isEmpty)
        try store.record([
            .opened(Self.turn(7, id: "m7", text: "你好 👋🏽 e\u{301}\u{0}!")),
            .opened(Self.turn(8, id: "", answer: Self.full)),
            .opened(Self.turn(9, id: "m9")), .seen(id: "x", at: 5),
        ])
        try store.record([.answered(turn: 7, Self.full), .closed(turn: 9), .seen(id: "x", at: 6)])
        try store.record([.answered(turn: 7, Self.full), .closed(turn: 9), .closed(turn: 99)])
        store.close()

        let state = try found()
        #expect(state.turns.map(\.number) == [7, 8])
        let turn = try #require(state.turns.first)
        #expect(turn.message.id == "m7" && turn.message.kind == .voice && turn.message.sender == "张三")
        #expect(turn.message.conversation == Conversation(kind: .group, id: "群"))
        #expect(Array(turn.message.text.utf8) == Array("你好 👋🏽 e\u{301}\u{0}!".utf8))
        #expect(turn.message.raw == [0, 255, 0x0A])
        #expect(turn.route == #"{"a":1}"# && turn.receivedAt == 1_700_000_000_123)
        #expect(turn.answer == Self.full && state.turns[1].answer == Self.full)
        #expect(state.seen.map(\.id) == ["m7", "m9", "x"])
        #expect(state.seen.last?.at == 6)
        #expect(capture.messages(from: .notice) == [])
    }

    private static func push(_ number: Int64, _ text: String = "", left: Bool = false) -> SavedPush {
        SavedPush(
            number: number,
            message: OutboundMessage(kind: .init(rawValue: "类"), body: Array(text.utf8)),
            conversation: Conversation(kind: .group, id: "群 👨‍👩‍👧"),
            postedAt: 1_700_000_000_123,
            mayHaveArrived: left
        )
    }

    @Test("a message that was to be sent comes back as it was, with whether it may have arrived")
    func pushes() throws {
        let text = "{\"content\":\"三点开会 👋🏽 e\u{301}\u{0}\"}"
        let store = store()
        _ = try store.recover()
        try store.record([.posted(Self.push(1, text)), .posted(Self.push(2)), .posted(Self.push(3, left: true))])
        try store.record([
            .marked(push: 2, mayHaveArrived: true), .marked(push: 3, mayHaveArrived: false), .posted(Self.push(4)),
            .settled(push: 4), .settled(push: 99), .marked(push: 98, mayHaveArrived: true),
        ])
        store.close()
        #expect(try found().pushes == [Self.push(1, text), Self.push(2, left: true), Self.push(3)])
        #expect(capture.messages(from: .notice) == [])
    }

    @Test("a file of the first version keeps what it has, and gets what it has not")
    func upgrade() throws {
        let before = store()
        _ = try before.recover()
        try before.record([.opened(Self.turn(7, id: "m7", text: "你好", answer: Self.full)), .seen(id: "x", at: 5)])
        try #require(before.database).run("DROP TABLE pushes")
        try #require(before.database).run("PRAGMA user_version=1")
        before.close()
        let after = store()
        let state = try after.recover()
        #expect(state.turns.map(\.answer) == [Self.full] && state.seen.map(\.id) == ["m7", "x"])
        #expect(state.pushes.isEmpty)
        try after.record([.posted(Self.push(8, "新"))])
        after.close()
        let again = try found()
        #expect(again.turns.count == 1 && again.pushes == [Self.push(8, "新")])
        #expect(capture.messages(from: .notice) == [])
    }

    @Test("a turn that waits is told from one whose answer is still empty")
    func waitingAndStarted() throws {
        let store = store()
        _ = try store.recover()
        try store.record([.opened(Self.turn(1)), .opened(Self.turn(2, answer: SavedAnswer()))])
        store.close()
        #expect(try found().turns.map(\.answer) == [nil, SavedAnswer()])
    }

    @Test("ids are forgotten by age and by number, at the limit and one beyond")
    func forget() throws {
        let store = store()
        _ = try store.recover()
        try store.record((1...5).map { .seen(id: "id-\($0)", at: $0 * 10) })
        try store.record([.forget(before: 20, keeping: 4)])
        store.close()
        #expect(try found().seen.map(\.id) == ["id-2", "id-3", "id-4", "id-5"])
        let again = self.store()
        _ = try again.recover()
        try again.record([.seen(id: "id-2", at: 60), .forget(before: 0, keeping: 3)])
        again.close()
        #expect(try found().seen.map(\.id) == ["id-4", "id-5", "id-2"])
    }

    @Test("the file and its log are for the owner only")
    func mode() throws {
        let store = store()
        _ = try store.recover()
        try store.record([.seen(id: "a", at: 1)])
        for file in [path, path + "-wal"] {
            var status = stat()
            #expect(stat(file, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
        }
        store.close()
    }

    @Test("a second process is told so, and the first goes on")
    func inUse() throws {
        let first = store()
        _ = try first.recover()
        let error = #expect(throws: StoreError.self) { try store().recover() }
        #expect(error?.code == .inUse)
        #expect(error?.message.contains(path) == true)
        try first.record([.seen(id: "a", at: 1)])
        first.close()
        #expect(try found().seen.count == 1)
    }

    @Test("a full disk is an error that says so, and nothing of the batch is written; then it goes on")
    func fullDisk() throws {
        let store = store()
        _ = try store.recover()
        try store.record([.opened(Self.turn(1, id: "before"))])
        try store.database?.run("PRAGMA max_page_count=\(store.database?.integer("PRAGMA page_count") ?? 0)")
        let long = String(repeating: "长", count: 100_000)
        let error = #expect(throws: StoreError.self) {
            try store.record([.closed(turn: 1), .opened(Self.turn(2, text: long))])
        }
        #expect(error?.code == .full)
        #expect(error?.message == "the disk of \(path) is full: make room")
        #expect(store.database?.isInTransaction == false)
        try store.record([.answered(turn: 1, Self.full)])
        try store.database?.run("PRAGMA max_page_count=1000000")
        try store.record([.opened(Self.turn(2, text: long))])
        store.close()
        #expect(try found().turns.map(\.message.text) == ["", long])
    }

    @Test("a batch that fails half-way leaves nothing behind, and the next one is written")
    func failsHalfway() throws {
        let store = store()
        _ = try store.recover()
        try store.database?.run(
            "CREATE TRIGGER no BEFORE INSERT ON seen WHEN new.message_id='x' BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
        #expect(throws: StoreError.self) { try store.record([.seen(id: "a", at: 1), .seen(id: "x", at: 1)]) }
        try store.record([.seen(id: "b", at: 1)])
        store.close()
        #expect(try found().seen.map(\.id) == ["b"])
    }

    @Test("a damaged file is kept aside, and a new one begun", arguments: [0, 1, 100, 4_096, 5_000, 12_000])
    func truncated(length: Int) throws {
        try fill()
        #expect(Glibc.truncate(path, off_t(length)) == 0)
        let store = store()
        let state = try store.recover()
        #expect(state.turns.isEmpty)
        try store.record([.opened(Self.turn(1))])
        store.close()
        #expect(try found().turns.count == 1)
        // An empty file is a new one, and so to SQLite is one of a byte.
        let aside = directory.names.filter { $0.contains(".corrupt-") }
        #expect(aside.count == (length <= 1 ? 0 : 1))
        let lines = capture.messages(from: .warning)
        #expect(lines.count == (length <= 1 ? 0 : 1))
        #expect(lines.allSatisfy { $0.contains(path) && $0.contains(".corrupt-") })
    }

    @Test("a file of random bytes is kept aside, and its log does not reach the new one")
    func randomBytes() throws {
        var generator = SeededGenerator(seed: 1)
        try directory.write(path, (0..<20_000).map { _ in UInt8.random(in: 0...255, using: &generator) })
        try directory.write(path + "-wal", [1, 2, 3])
        let store = store()
        #expect(try store.recover().turns.isEmpty)
        try store.record([.opened(Self.turn(1))])
        store.close()
        #expect(directory.names.count { $0.contains(".corrupt-") } >= 1)
        #expect(try found().turns.count == 1)
    }

    @Test("bytes that are changed anywhere in the file never trap", arguments: 0..<40)
    func flippedBytes(seed: UInt64) throws {
        try fill()
        var bytes = try directory.read(path)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<(seed % 3 == 0 ? 1 : 40) {
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        try directory.write(path, bytes)
        let store = store()
        do {
            _ = try store.recover()
            try store.record([
                .opened(Self.turn(1_000)), .answered(turn: 3, Self.full), .closed(turn: 4),
                .forget(before: 3, keeping: 2),
            ])
        } catch let error as StoreError {
            #expect(error.message.contains(path))
        }
        store.close()
    }

    @Test(
        "rows that make no sense are skipped and said once",
        arguments: [
            "turns SET number=0", "turns SET number=-1", "turns SET number=9007199254740993", "turns SET text=x'00'",
            "turns SET raw=1", "turns SET route=1", "turns SET conversation=x'FF'", "turns SET received_at='soon'",
            "answers SET bubble=-1", "answers SET bubble=1000001", "answers SET bubble='x'", "answers SET rest=3.5e0",
            "answers SET shown='yes'", "answers SET route=x'FF'",
            "answers SET opening=x'FF'", "answers SET mid_line='no'", "finals SET bubble=-1",
            "finals SET bubble=1000001",
            "finals SET text=x'FF'", "finals SET left='yes'", "pushes SET number=0",
            "pushes SET number=9007199254740993",
            "pushes SET posted_at='soon'", "pushes SET is_group='yes'", "pushes SET conversation=x'FF'",
            "pushes SET kind=x'FF'", "pushes SET body='x'", "pushes SET left='yes'",
        ]
    )
    func tamperedRows(change: String) throws {
        let store = store()
        _ = try store.recover()
        try store.record([.opened(Self.turn(1)), .opened(Self.turn(2, answer: Self.full))])
        try store.record([.posted(Self.push(2)), .posted(Self.push(3))])
        let isPush = change.hasPrefix("pushes")
        let key = isPush || change.hasPrefix("turns") ? "number" : "turn"
        let rows = change.hasPrefix("finals") ? "\(key)=2 AND text=''" : "\(key)=2"
        try #require(store.database).run("UPDATE \(change) WHERE \(rows)")
        store.close()
        // A text column takes a number as text.
        let isText = ["turns SET route=1", "answers SET rest=3.5e0"].contains(change)
        let state = try found()
        #expect(state.turns.count == (isText || isPush ? 2 : 1))
        #expect(state.pushes.count == (isPush ? 1 : 2))
        #expect(capture.messages(from: .warning).count == (isText ? 0 : 1))
    }

    @Test("the largest and smallest numbers are only numbers")
    func extremes() throws {
        let store = store()
        _ = try store.recover()
        try store.record([
            .opened(Self.turn(1 << 53, answer: Self.full)), .seen(id: "a", at: .max), .seen(id: "b", at: .min),
        ])
        try #require(store.database).run(
            "UPDATE turns SET received_at=\(Int64.min), is_group=\(Int64.max)"
        )
        try #require(store.database).run("UPDATE answers SET complete=-5")
        store.close()
        let state = try found()
        #expect(state.turns.first?.receivedAt == .min)
        #expect(state.turns.first?.message.conversation.kind == .single)
        #expect(state.seen.map(\.at).sorted() == [.min, 1_700_000_000_123, .max])
    }

    @Test("a later version's file and another program's are left as they are")
    func foreign() throws {
        try fill()
        try SQLiteConnection(path: path).run("PRAGMA user_version=\(SQLiteStateStore.schemaVersion + 1)")
        #expect(#expect(throws: StoreError.self) { try found() }?.code == .newer)
        try SQLiteConnection(path: path).run("PRAGMA user_version=\(SQLiteStateStore.schemaVersion)")
        try SQLiteConnection(path: path).run("PRAGMA application_id=1")
        #expect(#expect(throws: StoreError.self) { try found() }?.code == .foreign)
        #expect(directory.names.allSatisfy { !$0.contains("corrupt") })
    }

    @Test("a file of ours without its tables is a damaged one")
    func missingTable() throws {
        try fill()
        try SQLiteConnection(path: path).run("DROP TABLE turns")
        #expect(try found().turns.isEmpty)
        #expect(capture.messages(from: .error).count == 1)
    }

    @Test("a file that cannot be made or opened is an error that names it")
    func cannotOpen() throws {
        let missing = directory.path + "/none/state.db"
        let error = #expect(throws: StoreError.self) { try store(missing).recover() }
        #expect(error?.code == .cannotOpen)
        #expect(error?.message == "\(missing) cannot be made: No such file or directory")
        #expect(#expect(throws: StoreError.self) { try store(directory.path).recover() }?.code == .cannotOpen)
        #expect(throws: StoreError.self) { try store(missing).record([]) }
    }

    /// A file with something in every table.
    private func fill() throws {
        let store = store()
        _ = try store.recover()
        try store.record(
            (1...20).map { .opened(Self.turn($0, id: "m\($0)", text: String(repeating: "字", count: 300))) }
        )
        store.close()
    }
}

/// A directory that is removed when the value goes.
final class Directory {
    let path: String

    init() throws {
        let template = try #require(strdup("/tmp/wecom-bot-test-XXXXXX"))
        defer { free(template) }
        path = String(cString: try #require(mkdtemp(template)))
    }

    var names: [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = try #require(fopen(path, "w"))
        #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        fclose(file)
    }

    func read(_ path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        return [UInt8](unsafeUninitializedCapacity: 1 << 20) { $1 = fread($0.baseAddress, 1, $0.count, file) }
    }

    deinit {
        for name in names { unlink(path + "/" + name) }
        rmdir(path)
    }
}

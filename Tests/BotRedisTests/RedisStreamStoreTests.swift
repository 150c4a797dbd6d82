import BotCore
import BotFoundation
import TestSupport
import Testing

@testable import BotRedis

/// The store with a real server.
@Suite(.timeLimit(.minutes(5)))
struct RedisStreamStoreTests {
    private let server: RedisServer

    init() async throws { server = try await RedisServer() }

    private func store(_ space: String = "bot", database: Int = 0) -> RedisStreamStore {
        RedisStreamStore(RedisAddress(.unixSocket(path: server.path), database: database), space: space)
    }

    private func content(
        _ stream: SharedStream,
        claim: String? = nil,
        age: Duration = .zero,
        lasting: Duration = .seconds(60)
    ) -> SharedStreamUpdate.Change {
        .show(.init(stream, claim: claim, age: age, lasting: lasting))
    }

    /// Commands as anybody could send them.
    private func run(_ command: String...) throws -> RedisValue {
        let address = RedisAddress(.unixSocket(path: server.path))
        return try RedisConnection(address, deadline: .seconds(5)).run(command)
    }

    private func code(_ body: () throws -> Void) -> RedisError.Code? {
        do { try body() } catch { return (error as? RedisError)?.code }
        return nil
    }

    // MARK: Claims

    @Test func aClaimHasOneOwnerHoweverManyComeAtOnce() async throws {
        let stores = [store(), store()]
        for round in 0..<50 {
            let owners = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<4 {
                    let store = stores[number % 2]
                    group.addTask {
                        try store.claim("m\(round)", for: "s\(number)", isStream: true, lasting: .seconds(60))
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(owners.count == 1)
            let owner = try #require(owners.first)
            #expect(try stores[1].read(owner, window: .seconds(9)) == SharedStream(.open, text: nil))
        }
    }

    @Test func claimsAndStreamsExpire() throws {
        let store = store()
        _ = try store.claim("m", for: "s", isStream: true, lasting: .seconds(600))
        let claim = "wecom-bot:{bot}:claim:m", stream = "wecom-bot:{bot}:stream:s"
        for key in [claim, stream] {
            let left = try #require(try run("PTTL", key).integer)
            #expect((590_000...600_000).contains(left))
        }
        _ = try store.update([.init("s", content(.init(.open, text: "字"), claim: "m", lasting: .seconds(6_000)))])
        for key in [claim, stream] {
            let left = try #require(try run("PTTL", key).integer)
            #expect((5_900_000...6_000_000).contains(left), "for as long as the stream is kept")
        }
        // One that is not to be kept any more is gone.
        _ = try store.update([.init("t", content(.init(.open, text: "字"), claim: "n", lasting: .seconds(-1)))])
        while case .integer(1) = try run("EXISTS", "wecom-bot:{bot}:stream:t") {}
        #expect(try store.read("t", window: nil) == nil)
    }

    @Test func aClaimIsGivenBackByItsOwnerOnly() throws {
        let store = store()
        _ = try store.claim("m", for: "s", isStream: true, lasting: .seconds(60))
        try store.release("m", of: "t")
        #expect(try store.claim("m", for: "t", isStream: true, lasting: .seconds(60)) == "s")
        try store.release("m", of: "s")
        #expect(try store.read("s", window: nil) == nil)
        #expect(try store.claim("m", for: "t", isStream: true, lasting: .seconds(60)) == "t")
    }

    @Test func twoBotsOnOneServerDoNotMeet() throws {
        let (first, second, third) = (store("one"), store("two"), store("one", database: 3))
        for store in [first, second, third] {
            #expect(try store.read("s", window: nil) == nil)
            #expect(try store.claim("m", for: "s", isStream: true, lasting: .seconds(60)) == "s")
            _ = try store.update([.init("s", content(.init(.open, text: "\(store === first)")))])
        }
        #expect(try first.read("s", window: nil)?.text == "true")
        #expect(try second.read("s", window: nil)?.text == "false")
    }

    // MARK: Streams

    @Test func textsAndImagesComeBackAsTheyWere() throws {
        let store = store()
        let texts = [
            "", "a\0b\r\n\"'\\", String(repeating: "字", count: 6_826) + "ab", String(repeating: "👩‍👩‍👧‍👦", count: 819),
            "e\u{301} é",
        ]
        for (number, text) in texts.enumerated() {
            #expect(text.utf8.count <= 20_480)
            let shown = SharedStream(.complete, text: text)
            _ = try store.update([.init("s\(number)", content(shown))])
            #expect(try store.read("s\(number)", window: nil) == shown)
        }
        #expect(texts[2].utf8.count == 20_480)
        let images = (0..<10).map {
            SharedStream.Image(
                base64: String(repeating: "QUJD", count: $0 == 0 ? 3_400_000 : 1_000),
                md5: String(repeating: "\($0)", count: 32)
            )
        }
        let pictures = SharedStream(.complete, text: "图", images: images)
        // Beside others: more than is sent at once.
        let many = (0..<200).map { SharedStreamUpdate("n\($0)", content(.init(.open, text: "\($0)"))) }
        let statuses = try store.update(many.prefix(100) + [.init("i", content(pictures))] + many.suffix(100))
        #expect(statuses.count == 201 && statuses.allSatisfy { $0 != nil })
        #expect(try store.read("i", window: nil) == pictures)
        #expect(try store.read("n199", window: nil)?.text == "199")
        _ = try store.update([.init("i", content(.init(.cut, text: "完")))])
        #expect(try store.read("i", window: nil) == SharedStream(.cut, text: "完"), "those of before are not shown")
    }

    @Test func theOwnerLearnsThatItWasAskedAndThatTheEndWasTold() throws {
        let store = store()
        let shown = try store.update([.init("s", content(.init(.open, text: "半"))), .init("nobody", .none)])
        #expect(shown == [SharedStreamStatus(.open), nil])
        _ = try store.read("s", window: .seconds(60))
        let asked = try #require(try store.update([.init("s", .none)])[0])
        #expect(asked.phase == .open && !asked.isHanded && !asked.hasEnded)
        #expect((0..<60).contains(try #require(asked.sinceAsked) / .seconds(1)))
        #expect(try store.update([.init("s", .end)])[0]?.hasEnded == false, "there is no end yet")
        _ = try store.update([.init("s", content(.init(.complete, text: "整")))])
        #expect(try store.read("s", window: nil)?.text == "整")
        #expect(try store.update([.init("s", .none)])[0]?.isHanded == false, "it was only looked at")
        #expect(try store.read("s", window: .seconds(60))?.hasEnded == false)
        #expect(try store.update([.init("s", .none)])[0]?.isHanded == true)
        let ended = try #require(try store.update([.init("s", .end)])[0])
        #expect(ended.hasEnded && ended.phase == .complete)
        _ = try store.update([.init("s", content(.init(.open, text: "又")))])
        #expect(try store.read("s", window: nil) == SharedStream(.complete, text: "整", hasEnded: true), "an end stays")
    }

    @Test func aStreamThatIsAskedForAfterItsWindowIsOver() throws {
        let store = store()
        for (age, phase) in [(Duration.seconds(10), SharedStream.Phase.open), (.seconds(30), .over)] {
            let id = phase.rawValue
            _ = try store.update([.init(id, content(.init(.open, text: "半"), age: age))])
            #expect(try store.read(id, window: nil)?.phase == .open, "a message that comes again ends nothing")
            #expect(try store.read(id, window: .seconds(30)) == SharedStream(phase, text: "半"))
            let status = try #require(try store.update([.init(id, content(.init(.complete, text: "整")))])[0])
            #expect(status.phase == (phase == .over ? .over : .complete))
        }
    }

    @Test func aTextIsTakenBackUnlessItWasGivenOut() throws {
        let store = store()
        func hold(_ id: String, _ time: Duration) throws -> SharedStreamStatus? {
            try store.update([.init(id, .hold(unlessAskedWithin: time))])[0]
        }
        #expect(try hold("nobody", .zero) == nil)
        for isAsked in [false, true] {
            let id = "s-\(isAsked)"
            _ = try store.update([.init(id, content(.init(.open, text: "半")))])
            if isAsked { _ = try store.read(id, window: .seconds(60)) }
            _ = try store.update([.init(id, content(.init(.complete, text: "整")))])
            if isAsked { #expect(try hold(id, .seconds(60))?.phase == .complete) }
            let held = try #require(try hold(id, .zero))
            #expect(held.phase == .open && held.shown == (isAsked ? "半" : nil))
            #expect(try store.read(id, window: .seconds(60)) == SharedStream(.open, text: isAsked ? "半" : nil))
            _ = try store.update([.init(id, content(.init(.complete, text: "整")))])
            #expect(try store.read(id, window: .seconds(60))?.text == "整")
            #expect(try hold(id, .zero)?.phase == .complete, "it was given out")
        }
    }

    @Test func whateverStandsThereNothingTraps() throws {
        let store = store()
        let key = "wecom-bot:{bot}:stream:s", claim = "wecom-bot:{bot}:claim:m"
        _ = try run("SET", key, "a string")
        _ = try run("RPUSH", claim, "a", "list")
        #expect(try store.read("s", window: .seconds(60)) == nil)
        #expect(try store.update([.init("s", .none), .init("s", content(.init(.open, text: "字")))]) == [nil, nil])
        #expect(try store.claim("m", for: "t", isStream: true, lasting: .seconds(60)) == "t")
        let garbage = ["", "-1", "1e400", "nan", "\u{FF}", "open", "complete", "9999999999999999999999"]
        for field in ["phase", "opened", "text", "ended", "handed", "asked", "shown", "images", "i1"] {
            for value in garbage {
                _ = try run("DEL", key)
                _ = try run("HSET", key, "phase", "complete", "images", "2", "i1", "x", field, value)
                for window in [Duration.seconds(1), nil] { _ = try store.read("s", window: window) }
                _ = try store.update([
                    .init("s", .none), .init("s", .end), .init("s", .hold(unlessAskedWithin: .seconds(1))),
                    .init("s", content(.init(.open, text: "字"))),
                ])
            }
        }
    }

    // MARK: Failures

    @Test func aServerThatIsStartedAgainIsFoundAgainAndHasForgotten() async throws {
        let store = store()
        _ = try store.claim("m", for: "s", isStream: true, lasting: .seconds(60))
        await server.kill()
        #expect(code { _ = try store.read("s", window: nil) } == .unreachable)
        try await server.restart()
        #expect(try store.read("s", window: nil) == nil, "at once")
        try await server.restart()
        #expect(try store.update([]) == [])
    }

    @Test func aServerThatStandsStillIsGivenUpInTime() throws {
        let store = store()
        _ = try store.update([])
        server.freeze()
        let error = #expect(throws: RedisError.self) { try store.read("s", window: nil) }
        #expect(error?.code == .timeout && error?.message.hasSuffix("does not answer within 500 ms") == true)
        #expect(code { _ = try store.update([]) } == .timeout, "on a new connection, too")
        server.thaw()
        #expect(try store.update([]) == [])
    }

    @Test func aServerThatRefusesSaysWhy() async throws {
        let guarded = try await RedisServer(["--requirepass", "geheim 字"])
        func store(_ password: String?, user: String? = nil) -> RedisStreamStore {
            let place = RedisAddress.Place.unixSocket(path: guarded.path)
            return RedisStreamStore(
                RedisAddress(place, user: user, password: password.map { Secret($0) }),
                space: "bot"
            )
        }
        #expect(try store("geheim 字").update([]) == [])
        #expect(try store("geheim 字", user: "default").update([]) == [])
        for (store, words) in [
            (store("falsch"), "WRONGPASS"), (store("geheim 字", user: "nobody"), "WRONGPASS"), (store(nil), "NOAUTH"),
        ] {
            let error = #expect(throws: RedisError.self) { try store.update([]) }
            #expect(error?.code == .refused && error?.message.contains(words) == true)
            #expect(error?.message.contains("falsch") == false && error?.message.contains("geheim") == false)
        }
        #expect(code { _ = try self.store(database: 99).update([]) } == .refused)

        _ = try run("CONFIG", "SET", "maxmemory", "1")
        let full = #expect(throws: RedisError.self) {
            try self.store().claim("m", for: "s", isStream: true, lasting: .seconds(60))
        }
        #expect(full?.message.contains("OOM") == true)
        #expect(code { _ = try self.store().update([]) } == .refused, "although it can be read")
        _ = try run("CONFIG", "SET", "maxmemory", "0")
        _ = try run("REPLICAOF", "127.0.0.1", "1")
        let readOnly = #expect(throws: RedisError.self) {
            try self.store().claim("m", for: "s", isStream: true, lasting: .seconds(60))
        }
        #expect(readOnly?.message.contains("READONLY") == true)
    }

    @Test func aServerThatRefusesPartOfItDoesNotWork() throws {
        _ = try run("ACL", "SETUSER", "all", "on", ">p", "~*", "+@all")
        _ = try run("ACL", "SETUSER", "plain", "on", ">p", "~*", "+@all", "-eval")
        _ = try run("ACL", "SETUSER", "most", "on", ">p", "~*", "+@all", "-hdel")
        func store(_ user: String) -> RedisStreamStore {
            let place = RedisAddress.Place.unixSocket(path: server.path)
            return RedisStreamStore(RedisAddress(place, user: user, password: Secret("p")), space: "bot")
        }
        let whole = SharedStreamUpdate("s", content(SharedStream(.complete, text: "全")))
        let hold = SharedStreamUpdate("s", .hold(unlessAskedWithin: .seconds(1)))
        #expect(try store("all").update([whole]).first??.phase == .complete)
        #expect(code { _ = try store("plain").update([whole]) } == .refused, "it is not shared")
        #expect(code { _ = try store("plain").update([]) } == .refused)
        #expect(try store("most").update([whole]).first??.phase == .complete)
        #expect(code { _ = try store("most").update([hold]) } == .refused, "it is not unknown")
        #expect(try store("all").update([hold]).first??.phase == .open)
    }

    @Test func aConnectionIsUsedAgain() throws {
        let store = store()
        for _ in 0..<20 { _ = try store.update([]) }
        let clients = try #require(try run("CLIENT", "LIST").text)
        #expect(clients.split(separator: "\n").count == 2, "the store's, and the one that asks")
    }
}

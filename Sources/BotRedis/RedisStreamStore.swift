package import BotCore
internal import BotFoundation

/// Keeps what the streams of one bot show in a Redis server (5 or later), or one that speaks its protocol.
///
/// It connects when it is first needed, and again when a connection has ended. Every step towards the server has a deadline; only
/// a name server may take longer.
package final class RedisStreamStore: SharedStreamStore {
    /// How long the server may take for whatever it is asked.
    package static let deadline = Duration.milliseconds(500)
    /// How much is sent before its answers are read.
    private static let batch = (count: 64, bytes: 1 << 20)

    private let address: RedisAddress
    /// What tells the keys of one bot from those of another.
    package let space: String
    private let idle = Locked<[RedisConnection]?>([])

    /// A store that has not connected yet.
    ///
    /// - Parameter space: What tells the keys of one bot from those of another. It is readable for whoever may read the server.
    package init(_ address: RedisAddress, space: String) {
        self.address = address
        self.space = space
    }

    package var name: String { address.description }

    package func claim(_ name: String, for owner: String, isStream: Bool, lasting: Duration) throws -> String {
        let keys = [claimKey(name)] + (isStream ? [streamKey(owner)] : [])
        let answer = try run(.claim, keys, [owner, lasting.inMilliseconds])
        // Something else stands there, or it has expired in this moment.
        return answer.text ?? owner
    }

    package func release(_ name: String, of owner: String) throws {
        _ = try run(.release, [claimKey(name), streamKey(owner)], [owner])
    }

    package func read(_ stream: String, window: Duration?) throws -> SharedStream? {
        let key = streamKey(stream)
        let (answer, pictures) = try withConnection { connection throws(RedisError) in
            let answer = try checked(connection.run(command(.read, [key], [window?.inMilliseconds ?? "-1"])))
            guard case .array(let fields) = answer, fields.count >= 4, let count = fields[3].integer,
                (1...10).contains(count)
            else { return (answer, RedisValue.null) }
            // Not by the script, which copies what is large more than once while everybody waits. What was given out stays.
            return (answer, try checked(connection.run(["HMGET", key] + (1...count).map { "i\($0)" })))
        }
        guard case .array(let fields) = answer, fields.count >= 4,
            let phase = fields[0].text.flatMap(SharedStream.Phase.init)
        else { return nil }
        let values = if case .array(let values) = pictures { values } else { [RedisValue]() }
        let images = values.compactMap { $0.text.flatMap(SharedStream.Image.init(field:)) }
        return SharedStream(phase, text: fields[1].text, images: images, hasEnded: fields[2] == .integer(1))
    }

    package func update(_ updates: [SharedStreamUpdate]) throws -> [SharedStreamStatus?] {
        try withConnection { connection throws(RedisError) in
            let check = command(.check, ["wecom-bot:{\(space)}:check"])
            guard !updates.isEmpty else {
                // Written, because a full or read-only server answers what is only read.
                _ = try checked(connection.run(check))
                return []
            }
            var statuses: [SharedStreamStatus?] = []
            var (rest, isRefused) = (updates[...], false)
            while !rest.isEmpty {
                var (count, bytes) = (0, 0)
                while let update = rest.first, count < Self.batch.count, bytes < Self.batch.bytes {
                    let command = command(for: update)
                    try connection.append(command)
                    count += 1
                    bytes += command.reduce(0) { $0 + $1.utf8.count }
                    rest.removeFirst()
                }
                let answers = try (0..<count).map { _ throws(RedisError) in try connection.answer() }
                for answer in answers {
                    do throws(RedisError) {
                        statuses.append(SharedStreamStatus(try checked(answer)))
                    } catch {
                        // As if it were not known, it would go another way.
                        if case .hold = updates[statuses.count].change { throw error }
                        isRefused = true
                        statuses.append(nil)
                    }
                }
            }
            // Only that one, or everything?
            if isRefused { _ = try checked(connection.run(check)) }
            return statuses
        }
    }

    package func close() { idle.withLock { $0 = nil } }
}

// MARK: - Commands

extension RedisStreamStore {
    // The braces make a cluster keep what belongs to one bot together.
    private func claimKey(_ name: String) -> String { "wecom-bot:{\(space)}:claim:\(name)" }
    private func streamKey(_ id: String) -> String { "wecom-bot:{\(space)}:stream:\(id)" }

    private func command(for update: SharedStreamUpdate) -> [String] {
        let key = streamKey(update.id)
        switch update.change {
        case .none: return command(.look, [key])
        case .end: return command(.end, [key])
        case .hold(let time): return command(.hold, [key], [time.inMilliseconds])
        case .show(let content):
            let keys = [key] + (content.claim.map { [claimKey($0)] } ?? [])
            let stream = content.stream
            let arguments = [
                update.id, stream.phase.rawValue, content.age.inMilliseconds,
                max(.milliseconds(1), content.lasting).inMilliseconds,
                stream.text == nil ? "0" : "1", stream.text ?? "",
            ]
            return command(.show, keys, arguments + stream.images.map(\.field))
        }
    }

    private func command(_ script: RedisScript, _ keys: [String], _ arguments: [String] = []) -> [String] {
        ["EVAL", script.text, String(keys.count)] + keys + arguments
    }

    private func run(_ script: RedisScript, _ keys: [String], _ arguments: [String]) throws(RedisError) -> RedisValue {
        try withConnection { connection throws(RedisError) in
            try checked(connection.run(command(script, keys, arguments)))
        }
    }

    /// The answer, unless it is an error. A key of somebody else's is like one that is not there.
    private func checked(_ answer: RedisValue) throws(RedisError) -> RedisValue {
        guard case .error(let message) = answer else { return answer }
        guard !message.contains("WRONGTYPE") else { return .null }
        throw RedisError(.refused, "\(address) refuses: \(message.prefix(200))")
    }
}

// MARK: - Connections

extension RedisStreamStore {
    private func withConnection<Result>(
        _ body: (RedisConnection) throws(RedisError) -> Result
    ) throws(RedisError) -> Result {
        while let connection = idle.withLock({ $0?.popLast() }) {
            do {
                return try use(connection, body)
            } catch {
                // The server was started again meanwhile. Everything that is asked of it can be asked twice.
                guard error.code == .closed else { throw error }
            }
        }
        return try use(try connect(), body)
    }

    private func use<Result>(
        _ connection: RedisConnection,
        _ body: (RedisConnection) throws(RedisError) -> Result
    ) throws(RedisError) -> Result {
        do {
            let result = try body(connection)
            if connection.isClean { idle.withLock { $0?.append(connection) } }
            return result
        } catch {
            // The address may lead to another server by now, which takes what this one refuses.
            if error.code == .refused { idle.withLock { if $0 != nil { $0 = [] } } }
            throw error
        }
    }

    private func connect() throws(RedisError) -> RedisConnection {
        let connection = try RedisConnection(address, deadline: Self.deadline)
        if let password = address.password {
            let user = address.user.map { [$0] } ?? []
            try greet(connection, ["AUTH"] + user + [password.value])
        }
        if address.database != 0 { try greet(connection, ["SELECT", String(address.database)]) }
        return connection
    }

    private func greet(_ connection: RedisConnection, _ command: [String]) throws(RedisError) {
        guard case .error(let message) = try connection.run(command) else { return }
        // Some servers repeat what they were sent, the password, too: of that answer only the code is said.
        let reason = command[0] == "AUTH" ? message.prefix { $0 != " " } : message.prefix(200)
        throw RedisError(.refused, "\(address) refuses \(command[0]): \(reason)")
    }
}

// MARK: - Values

extension SharedStreamStatus {
    /// `nil` if it makes no sense.
    fileprivate init?(_ value: RedisValue) {
        guard case .array(let fields) = value, fields.count >= 4,
            let phase = fields[0].text.flatMap(SharedStream.Phase.init), let asked = fields[3].integer
        else { return nil }
        self.init(
            phase,
            hasEnded: fields[1] == .integer(1),
            isHanded: fields[2] == .integer(1),
            sinceAsked: asked < 0 ? nil : .milliseconds(asked),
            shown: fields.count > 4 ? fields[4].text : nil
        )
    }
}

extension SharedStream.Image {
    private static let digits = 32

    fileprivate var field: String { md5 + base64 }

    /// `nil` if there is no checksum in it.
    fileprivate init?(field: String) {
        guard field.utf8.count > Self.digits, field.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        self.init(base64: String(field.dropFirst(Self.digits)), md5: String(field.prefix(Self.digits)))
    }
}

extension Duration {
    /// Whole milliseconds, as Redis takes them.
    fileprivate var inMilliseconds: String {
        let (seconds, attoseconds) = components
        return String(seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }
}

import BotCore
import BotFoundation
import Foundation
import Testing

@testable import WeComAIBot

/// What a server sends that makes no sense harms nothing but itself.
@Suite(.timeLimit(.minutes(10)))
struct MalformedFrameTests {
    @Test(
        "each bad frame is counted, logged and skipped, and the next valid one works",
        arguments: Fixture.names("bad-")
    )
    func skipped(name: String) async throws {
        let bytes = try Fixture.bytes(name)
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.deliver(bytes, on: 1)
            #expect(await bench.connection.statistics.malformedFrames == 1)
            let warnings = bench.lines(from: .warning)
            #expect(warnings.count == 1)
            #expect(warnings.first?.contains("bytes=\(bytes.count)") == true)
            let answer = await bench.send("照样回答", through: await bench.push(id: "1"))
            await bench.acknowledge("REQ-1")
            #expect(await answer.value == .delivered)
            #expect(await bench.connection.state == .ready)
        }
    }

    @Test("what is merely unknown is no error", arguments: Fixture.names("unknown-") + Fixture.names("event-"))
    func unknown(name: String) async throws {
        let bytes = try Fixture.bytes(name)
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.deliver(bytes, on: 1)
            let statistics = await bench.connection.statistics
            #expect(statistics.malformedFrames == 0)
            #expect(statistics.messages + statistics.events + statistics.unhandledCallbacks == 1)
            if await bench.connection.statistics.displacements == 0 {
                #expect(bench.lines(from: .info).count == 1, "only that it is ready")
                #expect(await bench.connection.state == .ready)
            }
        }
    }

    @Test("a flood of bad frames is said a few times, not ten thousand")
    func flood() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            for _ in 0..<10_000 { await bench.world.deliver("{", on: 1) }
            #expect(await bench.connection.statistics.malformedFrames == 10_000)
            #expect(bench.lines(from: .warning).count < 20)
            await bench.push(id: "1")
        }
    }

    @Test("a frame cut short at any byte is skipped")
    func truncated() async throws {
        let whole = try Fixture.bytes("message-text")
        try await Bench.run { bench in
            await bench.subscribe()
            for count in 0..<whole.count {
                let isWhole = String(decoding: whole[count...], as: UTF8.self).allSatisfy(\.isWhitespace)
                guard !isWhole else { break }
                await bench.world.deliver(Array(whole.prefix(count)), on: 1)
                #expect(await bench.connection.statistics.malformedFrames == count + 1)
            }
            #expect(await bench.connection.statistics.messages == 0)
            await bench.world.deliver(whole, on: 1)
            #expect(await bench.connection.statistics.messages == 1)
        }
    }
}

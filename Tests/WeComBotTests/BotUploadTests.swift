import Foundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComBot

/// A bot that sends files, over a real socket.
@Suite(.timeLimit(.minutes(10)))
struct BotUploadTests {
    @Test func aHandlerUploadsAFileAndSendsItBesideItsAnswer() async throws {
        let bench = try await BotBench()
        let observations = await bench.gateway.observations(limit: 100_000)
        let progress = EventRecorder<UploadProgress>()
        let bytes = (0..<1_000_000).map { UInt8($0 * 7 % 251) }
        let path = try BotBench.file(bytes)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await bench.run { _, reply in
            await reply.write("请看附件")
            let media = try await reply.upload(file: path, as: .file, name: "数据.bin") { progress.record($0) }
            #expect(await reply.send(.media(media)) == .delivered)
        } _: { bot in
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "给我文件")
            let bubbles = try await bench.gateway.waitForBubbles(of: message) { bubbles in
                bubbles.count == 2 && bubbles.allSatisfy(\.isFinished)
            }
            // Writing waits for nothing, so that either may be there first.
            #expect(bubbles.contains { $0.text == "请看附件" })
            let file = try #require(bubbles.first { $0.messageType == "file" }?.mediaID)
            let media = try #require(await bench.gateway.media(file))
            #expect(media.bytes == 1_000_000 && media.name == "数据.bin")
            #expect(progress.events.last?.acknowledgedBytes == 1_000_000)

            // What was uploaded by the bot itself can be sent by any answer.
            let other = try await bot.upload(bytes: bytes, as: .file, name: "again.bin")
            #expect(await bench.gateway.media(other.id)?.md5 == media.md5)
        }
        #expect(await BotBench.violations(observations).isEmpty)
    }

    @Test func aBotThatDoesNotRunUploadsNothing() async throws {
        let bench = try await BotBench()
        let bot = try bench.bot()
        let error = await #expect(throws: UploadError.self) {
            try await bot.upload(bytes: [1, 2, 3, 4, 5], as: .file, name: "a.bin")
        }
        #expect(error?.code == .notRunning)
        try await bench.end()
    }

    @Test func aHandlerUnderTestCannotUpload() async throws {
        let handler = ClosureHandler { _, reply in
            do throws(UploadError) {
                _ = try await reply.upload(bytes: [1, 2, 3, 4, 5], as: .file, name: "a.bin")
            } catch {
                await reply.write(error.code.rawValue)
            }
        }
        let message = Inbound(
            id: "1",
            kind: .text,
            conversation: Conversation(kind: .single, id: "u"),
            sender: "u",
            text: "x"
        )
        #expect(try await handler.answer(to: message) == "not-supported")
    }
}

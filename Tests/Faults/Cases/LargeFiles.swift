import BotCore
import BotCrypto
import BotFoundation
import FoundationEssentials
import GatewaySimulator
import Glibc
import LWSTransport
import TestSupport
import WeComAIBot

extension FaultCase {
    /// The largest file that there may be goes up and comes down, and takes no memory: it is never all of it in the bot.
    static let largeFiles = FaultCase("large-files", .works) { context in
        let bench = try await Bench(context)
        return try await bench.run {
            let loop = try EventLoop(name: "media")
            let host = try await MediaHost.start(on: loop, listener: GatewayListener(security: .plaintext))
            let result: Result<String, any Error>
            do { result = .success(try await measure(bench, host)) } catch { result = .failure(error) }
            await host.stop()
            await loop.shutdown()
            return try result.get()
        }
    }

    private static func measure(_ bench: Bench, _ host: MediaHost) async throws -> String {
        let bot = try EchoProcess(bench, heartbeat: 30, extra: ["WECOM_MEDIA_ALLOWED_ORIGINS": host.origin])
        try await bench.gateway.waitForSubscription(within: .seconds(5))
        let size = UploadedMedia.Kind.file.allowedBytes.upperBound
        // Small ones first: what the code itself takes is not what is looked for.
        try await send(300_000, bench)
        try await receive(300_000, bench, host)
        let idle = try residentKilobytes(bot.process.id, "VmHWM")
        try await send(size, bench)
        let up = try residentKilobytes(bot.process.id, "VmHWM")
        try await receive(size, bench, host)
        let down = try residentKilobytes(bot.process.id, "VmHWM")
        bot.process.signal(SIGTERM)
        let (status, _) = try await bot.end()
        try expect(status, is: 0, "the status")
        let figure =
            "\(size) bytes: the most memory the bot had was \(idle) KiB before, \(up) KiB after sending them and \(down) KiB after "
            + "receiving them"
        // A few pieces of each, as they are, encoded, encrypted and in the buffers of the system's libraries.
        try expect(down - idle < 8 * 1_024, "less than 8 MiB more", seen: figure)
        return figure
    }

    /// Has the bot send a file.
    private static func send(_ count: Int, _ bench: Bench) async throws {
        let message = await bench.gateway.pushText(from: "receiver", "!file \(count)")
        let bubbles = try await bench.gateway.waitForBubbles(of: message, within: .seconds(60))
        guard let file = bubbles.first?.mediaID, let media = await bench.gateway.media(file) else {
            throw Failure(expected: "a file", seen: "\(bubbles)")
        }
        try expect(media.bytes, is: count, "the size")
    }

    /// Sends the bot a file.
    private static func receive(_ count: Int, _ bench: Bench, _ host: MediaHost) async throws {
        let bytes = (0..<count).map { UInt8($0 % 253) }
        let message = await bench.gateway.push(.file(try host.publish(bytes)), from: "sender")
        let answer = try await bench.gateway.waitForAnswer(to: message, within: .seconds(60))
        let checksum = try MD5Checksum()
        try checksum.update(bytes)
        try expect(answer, is: "md5:\(try checksum.finish())", "the checksum")
    }
}

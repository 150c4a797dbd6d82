import BotCrypto
import BotFoundation
import Foundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComBot

/// Pictures and files that people send to a bot, from the gateway to the handler and back, over TLS.
@Suite(.timeLimit(.minutes(5)))
struct BotMediaTests {
    /// A bot's gateway and the place where media are, with one authority for both.
    static func run(
        botName: String = "",
        _ handler: @escaping BotBench.Handler,
        _ body: (BotBench, MediaHost) async throws -> Void
    ) async throws {
        let authority = try CertificateAuthority()
        let listener = GatewayListener(security: .authority(authority, names: ["localhost", "127.0.0.1"]))
        let loop = try EventLoop(name: "media")
        let host = try await MediaHost.start(on: loop, listener: listener)
        let bench = try await BotBench(listener: listener) { configuration in
            configuration.certificateAuthorityFile = try? BotBench.file(authority.certificatePEM)
            configuration.mediaAllowedOrigins = [host.origin]
            configuration.botName = botName
        }
        try await bench.run(handler) { _ in
            try await bench.gateway.waitForSubscription()
            try await body(bench, host)
        }
        #expect(!bench.text(from: .trace).contains { $0.contains("sign=") }, "no signed address is logged")
        #expect(!bench.text(from: .trace).contains { $0.contains("aeskey\":\"") && !$0.contains("•••") })
        await host.stop()
        await loop.shutdown()
    }

    /// Says what a message is made of.
    private static let describe: BotBench.Handler = { message, reply in
        func describe(_ parts: [Inbound.Part]) async -> String {
            var words: [String] = []
            for part in parts {
                switch part {
                case .text(let text): words.append(text)
                case .attachment(let attachment):
                    do {
                        let media = try await attachment.download()
                        words.append(
                            "\(attachment.kind.rawValue) \(media.fileName) \(media.type.rawValue) md5:\(media.md5)"
                        )
                    } catch {
                        words.append("\(attachment.kind.rawValue) \(error.code.rawValue)")
                    }
                case .other(let kind): words.append("?\(kind.rawValue)")
                }
            }
            return words.joined(separator: " | ")
        }
        var answer = await describe(message.parts)
        if let quote = message.quote { answer += " >> \(await describe(quote.parts))" }
        await reply.finish(answer)
    }

    @Test func everyKindReachesTheHandlerInOrder() async throws {
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1]
        let pdf = Array("%PDF-1.7 报告".utf8)
        // What md5sum(1) says of these bytes.
        let (pngSum, pdfSum) = ("cdee5daac3ebdc5180e5148b63992309", "126dcd076a2e53726d2a2ba66c4a5b16")
        try await Self.run(botName: "小 助手", Self.describe) { bench, host in
            let gateway = bench.gateway
            func answer(_ content: SimulatedContent, quoting quote: SimulatedContent? = nil, in chat: String? = nil)
                async throws -> String
            {
                let message = await gateway.push(content, quoting: quote, from: "u", in: chat)
                return try await gateway.waitForAnswer(to: message)
            }
            func picture() throws -> SimulatedMedia {
                try host.publish(png, disposition: "attachment; filename*=UTF-8''%E5%9B%BE.png")
            }
            let report = try host.publish(pdf, disposition: #"attachment; filename="../报告.pdf""#)
            let shownPicture = "image 图.png image/png md5:\(pngSum)"
            #expect(try await answer(.image(picture())) == shownPicture)
            #expect(try await answer(.file(report)) == "file 报告.pdf application/pdf md5:\(pdfSum)")
            #expect(try await answer(.video(host.publish(pdf))) == "video video.pdf application/pdf md5:\(pdfSum)")
            #expect(try await answer(.voice("明天下午三点开会")) == "明天下午三点开会")
            let mixed = SimulatedContent.mixed([.image(try picture()), .text("@小 助手 这张呢？"), .image(try picture())])
            #expect(try await answer(mixed, in: "wr1") == "\(shownPicture) | 这张呢？ | \(shownPicture)")
            #expect(try await answer(.text("@小 助手"), quoting: .image(picture()), in: "wr1") == " >> \(shownPicture)")
            #expect(
                try await answer(.text("看"), quoting: .mixed([.text("图"), .image(picture())]))
                    == "看 >> 图 | \(shownPicture)"
            )
            #expect(try await answer(.text("听"), quoting: .voice("引用的语音")) == "听 >> 引用的语音")
            #expect(try await answer(.image(host.publish(png, fault: .wrongKey))) == "image decryption-failed")
            #expect(try await answer(.image(SimulatedMedia(url: report.url, aesKey: "短"))) == "image invalid-key")
        }
    }

    /// A download must hold up neither the connection nor anybody else's answers.
    @Test func aSlowDownloadHoldsNobodyUp() async throws {
        let started = EventRecorder<Void>()
        try await Self.run { message, reply in
            guard let attachment = message.attachments.first else { return await reply.write("echo: \(message.text)") }
            started.record(())
            do throws(MediaError) {
                await reply.finish("md5:\(try await attachment.download().md5)")
            } catch {
                await reply.finish(error.code.rawValue)
            }
        } _: { bench, host in
            let slow = try host.publish([1], fault: .held)
            let waiting = await bench.gateway.push(.image(slow), from: "slow")
            await started.wait { !$0.isEmpty }
            for number in 0..<10 {
                let other = await bench.gateway.pushText(from: "other", "\(number)")
                #expect(try await bench.gateway.waitForAnswer(to: other) == "echo: \(number)")
            }
            #expect(await bench.gateway.answer(to: waiting).isEmpty)
            host.release()
            #expect(try await bench.gateway.waitForAnswer(to: waiting) == "md5:55a54008ad1ba589aa210d2629c1df41")
        }
    }

    @Test func aReloadChangesTheNameAndWhereMediaMayComeFrom() async throws {
        let authority = try CertificateAuthority()
        let listener = GatewayListener(security: .authority(authority, names: ["localhost"]))
        let loop = try EventLoop(name: "media")
        let host = try await MediaHost.start(on: loop, listener: listener)
        let bench = try await BotBench(listener: listener)
        var configuration = bench.configuration
        configuration.certificateAuthorityFile = try BotBench.file(authority.certificatePEM)
        configuration.mediaAllowedOrigins = [host.origin]
        configuration.botName = "Helper"
        try await bench.run(Self.describe) { bot in
            try await bench.gateway.waitForSubscription()
            func answer(_ content: SimulatedContent) async throws -> String {
                try await bench.gateway.waitForAnswer(to: bench.gateway.push(content, from: "u"))
            }
            #expect(try await answer(.text("@Helper 好")) == "@Helper 好")
            #expect(try await answer(.image(host.publish([1]))) == "image address-refused")
            try await bot.reload(configuration)
            #expect(try await answer(.text("@Helper 好")) == "好")
            #expect(try await answer(.image(host.publish([1]))).hasSuffix(" md5:55a54008ad1ba589aa210d2629c1df41"))
        }
        await host.stop()
        await loop.shutdown()
    }
}

import BotCore
import BotFoundation
import TestSupport
import Testing

/// Images at the end of an answer, whatever the channel makes of them.
@Suite(.timeLimit(.minutes(10)))
struct ReplyAttachTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    private static let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0]

    /// Takes images and answers as it is told.
    private final class Channel: ReplyChannel {
        let capabilities = ReplyCapabilities()
        let deeds = EventRecorder<String>()
        private let text: Delivery
        private let images: Delivery?
        private let refusals: Locked<[UploadError]>

        init(text: Delivery = .delivered, images: Delivery? = .delivered, refusals: [UploadError] = []) {
            self.text = text
            self.images = images
            self.refusals = Locked(refusals)
        }

        func send(_ update: BubbleUpdate) async -> Delivery {
            if update.isFinal { deeds.record("end \(update.text)") }
            return text
        }

        func send(_ message: OutboundMessage) async -> Delivery { text }

        func attach(_ image: AttachedImage) throws(UploadError) {
            let refusal = refusals.withLock { $0.popLast() }
            if let refusal { throw refusal }
            deeds.record("image of \(image.bytes.count)")
        }

        func sendImages() async -> Delivery? {
            deeds.record("images")
            return images
        }
    }

    /// The outcome of an answer.
    private func outcome(through channel: Channel, _ handler: (Reply) async throws -> Void) async rethrows -> Delivery?
    {
        let stream = ReplyStream(capabilities: channel.capabilities)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await stream.run(through: channel, timeline: Timeline(ManualClock())) }
            defer { stream.end() }
            try await handler(Reply(stream, through: channel))
        }
        return stream.outcome
    }

    /// Attaches an image: the code of what is thrown, if anything is.
    private func attach(to reply: Reply) async -> UploadError.Code? {
        do throws(UploadError) {
            try await reply.attach(image: Self.png)
            return nil
        } catch {
            return error.code
        }
    }

    /// Without the reply in the expectation: one that fails would print all that hangs on it.
    private func expect(_ code: UploadError.Code?, _ expected: UploadError.Code?) {
        #expect(code == expected)
    }

    @Test func anImageMayHave10MiBAndNotAByteMore() throws {
        let most = Self.png + [UInt8](repeating: 0, count: 10_485_760 - Self.png.count)
        #expect(try AttachedImage(most).bytes.count == 10_485_760)
        let error = #expect(throws: UploadError.self) { try AttachedImage(most + [0]) }
        #expect(error?.code == .tooLarge && error?.message.contains("10485761") == true)
    }

    @Test func onlyPNGAndJPEGAreImagesWhateverElseTheyAreCalled() throws {
        #expect(try AttachedImage(Self.png).type == .png)
        #expect(try AttachedImage(Self.jpeg).type == .jpeg)
        let others: [[UInt8]] = [
            [], Array("GIF89a".utf8), Array("RIFF____WEBP".utf8), Array("%PDF-1.7".utf8), Array("<svg/>".utf8),
            Array(Self.png.dropLast()), Array(Self.jpeg.prefix(2)), [0] + Self.png,
        ]
        for bytes in others {
            let error = #expect(throws: UploadError.self) { try AttachedImage(bytes) }
            #expect(error?.code == .wrongFormat)
        }
    }

    @Test func tenImagesAreTakenAndTheEleventhIsNot() async {
        let channel = Channel()
        let outcome = await outcome(through: channel) { reply in
            await reply.write("图")
            for _ in 0..<10 { await expect(attach(to: reply), nil) }
            await expect(attach(to: reply), .tooMany)
            await reply.finish()
        }
        #expect(outcome == .delivered)
        #expect(channel.deeds.events.count { $0.hasPrefix("image of") } == 10)
    }

    @Test func anImageThatTheChannelDoesNotTakeDoesNotCount() async {
        let channel = Channel(refusals: [UploadError](repeating: UploadError(.noRoom, "full"), count: 3))
        _ = await outcome(through: channel) { reply in
            for _ in 0..<3 { await expect(attach(to: reply), .noRoom) }
            for _ in 0..<10 { await expect(attach(to: reply), nil) }
            await expect(attach(to: reply), .tooMany)
        }
        let only = Channel(refusals: [UploadError(.noRoom, "full")])
        let outcome = await outcome(through: only) { reply in
            await expect(attach(to: reply), .noRoom)
        }
        #expect(outcome?.reason?.message.contains("the answer is empty") == true)
        #expect(!only.deeds.events.contains("images"))
    }

    @Test func afterTheEndNoImageIsTaken() async {
        let channel = Channel()
        _ = await outcome(through: channel) { reply in
            await reply.finish("完")
            await expect(attach(to: reply), .ended)
        }
        #expect(channel.deeds.events == ["end 完"])
    }

    @Test func imagesComeBehindTheEndOfTheTextAndTheOutcomeWaitsForThem() async throws {
        let channel = Channel()
        let outcome = try await outcome(through: channel) { reply in
            try await reply.attach(image: Self.jpeg)
            await reply.write("看图")
            try await reply.attach(image: Self.png)
            #expect(await reply.finish() == .delivered)
            #expect(channel.deeds.events.last == "images")
        }
        #expect(outcome == .delivered)
        #expect(channel.deeds.events == ["image of 5", "image of 8", "end 看图", "images"])
    }

    @Test func theOutcomeIsTheWorseOneOfTextAndImages() async throws {
        let (refused, other) = (Delivery.refused(.init("no")), Delivery.refused(.init("other")))
        let (unknown, redirected) = (Delivery.unknown(.init("?")), Delivery.redirected(.init("else")))
        let table: [(text: Delivery, images: Delivery?, outcome: Delivery)] = [
            (.delivered, .delivered, .delivered), (.delivered, refused, refused), (.delivered, unknown, unknown),
            (redirected, .delivered, redirected), (redirected, refused, refused), (unknown, refused, refused),
            (refused, .delivered, refused), (refused, other, refused), (.delivered, nil, .delivered),
        ]
        for row in table {
            let outcome = try await outcome(through: Channel(text: row.text, images: row.images)) { reply in
                await reply.write("图")
                try await reply.attach(image: Self.png)
            }
            #expect(outcome == row.outcome)
        }
    }

    @Test func anAnswerWithoutTextHasTheOutcomeOfItsImages() async throws {
        for images in [Delivery.delivered, .refused(.init("no"))] {
            let channel = Channel(images: images)
            let outcome = try await outcome(through: channel) { try await $0.attach(image: Self.png) }
            #expect(outcome == images)
            #expect(channel.deeds.events == ["image of 8", "images"])
        }
        let refused = Delivery.refused(.init("no"))
        let beside = try await outcome(through: Channel(text: refused)) { reply in
            await reply.send(OutboundMessage(kind: .init(rawValue: "k"), body: []))
            try await reply.attach(image: Self.png)
        }
        #expect(beside == refused, "a message beside it was refused")
    }

    @Test func whereThereAreNoImagesTheyAreRefused() async throws {
        let stream = ReplyStream(capabilities: .init())
        let without = RecordingChannel()
        await expect(attach(to: Reply(stream)), .notSupported)
        await expect(attach(to: Reply(stream, through: without)), .notSupported)
        let handler = ClosureHandler { _, reply in
            try await reply.attach(image: Self.png)
            #expect(await reply.finish() == .delivered)
        }
        #expect(try await handler.answer(to: .test("1")) == "", "a handler under test may attach")
    }
}

import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComAIBot

/// Images at the end of an answer over the long connection: messages of their own, behind its text.
@Suite(.timeLimit(.minutes(10)))
struct AttachedImagesTests {
    private typealias Line = UploaderTests.Line

    /// An image that differs from others by its number.
    private static func png(_ number: UInt8) -> [UInt8] { [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, number] }

    /// Answers a message with `handler`: the message and the outcome.
    private func answer(
        _ line: Line,
        _ handler: (Reply) async throws -> Void
    ) async throws -> (message: PushedMessage, outcome: Delivery?) {
        let message = await line.world.push("画", from: "zhang", in: nil)
        let channel = StreamReplyChannel(
            connection: line.connection,
            requestID: RequestID(rawValue: message.requestID),
            conversation: Conversation(kind: .single, id: "zhang")
        )
        let stream = ReplyStream(capabilities: channel.capabilities)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await stream.run(through: channel, timeline: Timeline(ContinuousClock())) }
            defer { stream.end() }
            try await handler(Reply(stream, through: channel))
        }
        return (message, stream.outcome)
    }

    /// What the user sees of an answer, in the order in which it was finished: texts, and the checksums of images.
    private func seen(_ message: PushedMessage, _ line: Line) -> [String] {
        line.world.observed.events.compactMap { event in
            guard case .updated(message.messageID, _, let bubble) = event, bubble.isFinished else { return nil }
            guard let id = bubble.mediaID else { return bubble.text }
            return line.uploaded.first { $0.id == id }?.md5
        }
    }

    private func md5(_ number: UInt8) throws -> String { try UploaderTests.md5(Self.png(number)) ?? "" }

    @Test func imagesComeBehindTheTextInOrderAndNoStreamCarriesThem() async throws {
        try await Line.run { line in
            let (message, outcome) = try await answer(line) { reply in
                try await reply.attach(image: Self.png(1))
                await reply.write("看图 👩‍👩‍👧‍👦")
                for number in 2...10 { try await reply.attach(image: Self.png(UInt8(number))) }
                #expect(await reply.finish() == .delivered)
            }
            #expect(outcome == .delivered)
            #expect(seen(message, line) == ["看图 👩‍👩‍👧‍👦"] + (try (1...10).map { try md5($0) }))
            #expect(line.uploaded.map(\.name) == (1...10).map { "image-\($0).png" })
            #expect(line.uploaded.allSatisfy { $0.type == "image" })
            #expect(line.violations.isEmpty)
        }
    }

    @Test func theTextDoesNotWaitForTheImages() async throws {
        try await Line.run(faults: [.onFrame(.chunks, .dropAcknowledgement, times: 100)]) { line in
            let outcomes = Mailbox<Delivery>()
            async let ended = answer(line) { reply in
                try await reply.attach(image: Self.png(1))
                await reply.write("看图")
                outcomes.put(await reply.finish())
            }
            let events = await line.world.observed.wait { Line.count(.uploadChunk, $0) > 0 }
            let text = events.firstIndex {
                if case .updated(_, _, let bubble) = $0 { bubble.isFinished } else { false }
            }
            let upload = events.firstIndex { event in
                if case .received(_, ClientCommand.uploadInit.rawValue, _, _) = event { true } else { false }
            }
            let (first, second) = (try #require(text), try #require(upload))
            #expect(first < second)
            // The image never gets through, and the outcome tells.
            await line.connection.stop()
            let outcome = await outcomes.next()
            guard case .refused(let reason) = outcome else { return #expect(Bool(false), "it was not delivered") }
            #expect(reason.message.hasPrefix("image 1 of 1: "))
            let ending = try await ended
            #expect(ending.outcome == outcome)
        }
    }

    @Test func oneThatIsRefusedIsToldAndTheOthersCome() async throws {
        let second = Fault.onFrame(FrameFilter(commands: [.uploadInit]), .answer(40_201), skipping: 1)
        try await Line.run(faults: [second]) { line in
            let (message, outcome) = try await answer(line) { reply in
                await reply.write("三张")
                for number in 1...3 { try await reply.attach(image: Self.png(UInt8(number))) }
            }
            guard case .refused(let reason) = outcome else { return #expect(Bool(false), "one was refused") }
            #expect(reason.code == 40_201 && reason.message.hasPrefix("image 2 of 3: "))
            #expect(seen(message, line) == ["三张", try md5(1), try md5(3)])
        }
    }

    @Test func anAnswerOfImagesAloneHasNoBubbleAndTheirOutcome() async throws {
        try await Line.run { line in
            let (message, outcome) = try await answer(line) { try await $0.attach(image: Self.png(1)) }
            #expect(outcome == .delivered)
            #expect(seen(message, line) == [try md5(1)])
            #expect(line.count(.respond) == 1 && line.violations.isEmpty)
        }
        // A bubble that was opened is closed with a text that can be seen.
        try await Line.run { line in
            let shown = line.world.observed
            let (message, outcome) = try await answer(line) { reply in
                await reply.think("画")
                await shown.wait { $0.contains { if case .updated = $0 { true } else { false } } }
                try await reply.attach(image: Self.png(1))
            }
            #expect(outcome == .delivered)
            #expect(seen(message, line) == ["<think>画</think>✅", try md5(1)])
            #expect(line.violations.isEmpty)
        }
    }

    @Test func whatTheUploadWouldNotTakeIsRefusedWhenItIsAttached() async throws {
        try await Line.run { line in
            let (_, outcome) = try await answer(line) { reply in
                do throws(UploadError) {
                    try await reply.attach(image: [0xFF, 0xD8, 0xFF, 0xE0])
                    Issue.record("it was taken")
                } catch {
                    #expect(error.code == .tooSmall)
                }
                try await reply.attach(image: [0xFF, 0xD8, 0xFF, 0xE0, 0])
            }
            #expect(outcome == .delivered && line.uploaded.map(\.name) == ["image-1.jpg"])
        }
    }

    @Test func onceTheyAreOnTheirWayNoImageIsTaken() async throws {
        try await Line.run { line in
            let channel = StreamReplyChannel(
                connection: line.connection,
                requestID: RequestID(rawValue: "none"),
                conversation: Conversation(kind: .single, id: "zhang")
            )
            #expect(await channel.sendImages() == nil)
            let error = #expect(throws: UploadError.self) { try channel.attach(AttachedImage(Self.png(1))) }
            #expect(error?.code == .ended)
        }
    }
}

import BotCore
import BotFoundation
import Foundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// Uploads over a long connection to the simulated service, in a time that the test moves.
@Suite(.timeLimit(.minutes(10)))
struct UploaderTests {
    /// A connection that is subscribed.
    struct Line: Sendable {
        let world: InMemoryWorld
        let connection: LongConnection
        let states = EventRecorder<ConnectionState>()

        static func run(
            _ prepare: (inout GatewayConfiguration) -> Void = { _ in },
            faults: [Fault] = [],
            _ body: (Line) async throws -> Void
        ) async throws {
            let loop = try EventLoop(name: "upload")
            var service = GatewayConfiguration(botID: Bench.botID, secret: Secret(Bench.secret))
            prepare(&service)
            let world = InMemoryWorld(on: loop, gateway: service)
            let configuration = LongConnectionConfiguration(
                botID: Bench.botID,
                secret: Secret(Bench.secret),
                endpoint: try WebSocketEndpoint("wss://gateway.example")
            )
            let connection = try LongConnection(configuration, on: loop, environment: world) { _, _ in }
            let line = Line(world: world, connection: connection)
            for fault in faults { await world.inject(fault) }
            let states = await connection.states()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await state in states { line.states.record(state) } }
                group.addTask { await connection.run() }
                await line.states.wait { $0.contains(.ready) }
                do { try await body(line) } catch { Issue.record(error) }
                await connection.stop()
                await group.waitForAll()
            }
            #expect(await connection.unsettled == 0)
            #expect(await world.armed == 0, "a timer is left")
            #expect(connection.uploads.figures.underway == 0 && connection.uploads.figures.waiting == 0)
            await loop.shutdown()
        }

        /// Begins an upload.
        func begin(
            _ source: UploadSource,
            as kind: UploadedMedia.Kind = .file,
            name: String = "报告.bin",
            progress: EventRecorder<UploadProgress>? = nil
        ) -> Task<Result<UploadedMedia, UploadError>, Never> {
            Task {
                do throws(UploadError) {
                    return .success(
                        try await connection.upload(source, as: kind, name: name) { progress?.record($0) }
                    )
                } catch {
                    return .failure(error)
                }
            }
        }

        /// Lets the next attempt to connect begin, after so many losses.
        func reconnect(_ losses: Int = 1) async {
            let events = await states.wait { $0.count { $0.name == "waiting" } >= losses }
            guard let retryAt = events.last(where: { $0.name == "waiting" })?.retryAt else { return }
            await world.advance(to: retryAt)
        }

        /// How often a command arrived.
        func count(_ command: ClientCommand) -> Int { Self.count(command, world.observed.events) }

        static func count(_ command: ClientCommand, _ events: [Observation.Event]) -> Int {
            events.count { event in
                if case .received(_, command.rawValue, _, _) = event { true } else { false }
            }
        }

        /// What was uploaded.
        var uploaded: [ReceivedMedia] {
            world.observed.events.compactMap { event in
                if case .uploaded(let media) = event { media } else { nil }
            }
        }

        var violations: [String] {
            world.observed.events.compactMap { event in
                if case .violation(_, let text) = event { text } else { nil }
            }
        }
    }

    static let bytes = (0..<600_000).map { UInt8($0 * 7 % 251) }
    /// Of `bytes`.
    static func md5(_ bytes: [UInt8]) throws -> String? { try UploadContent(.bytes(bytes)).checksum() }

    @Test(arguments: [5, 131_072, 131_073, 600_000])
    func bytesArriveAsTheyAre(count: Int) async throws {
        try await Line.run { line in
            let bytes = Array(Self.bytes.prefix(count))
            let progress = EventRecorder<UploadProgress>()
            let media = try await line.begin(.bytes(bytes), progress: progress).value.get()
            let uploaded = try #require(line.uploaded.first)
            #expect(uploaded.id == media.id && media.kind == .file)
            #expect(uploaded.name == "报告.bin" && uploaded.bytes == count && uploaded.type == "file")
            #expect(uploaded.md5 == (try Self.md5(bytes)))
            #expect(progress.events.last == UploadProgress(acknowledgedBytes: count, totalBytes: count))
            #expect(progress.events.count == UploadPlan(totalBytes: count).chunkCount)
            #expect(line.violations.isEmpty)
        }
    }

    @Test func aFileArrivesAsItIs() async throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "upload-\(UUID().uuidString).bin")
        try Data(Self.bytes).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        try await Line.run { line in
            _ = try await line.begin(.file(path: url.path(percentEncoded: false))).value.get()
            #expect(line.uploaded.map(\.md5) == [try Self.md5(Self.bytes) ?? ""])
        }
    }

    @Test func whatThePlatformWouldRefuseIsRefusedBeforeAByteIsSent() async throws {
        try await Line.run { line in
            let cases: [(UploadSource, UploadedMedia.Kind, String, UploadError.Code)] = [
                (.bytes([1, 2, 3, 4]), .file, "a.bin", .tooSmall),
                (.bytes([UInt8](repeating: 1, count: 20_971_521)), .file, "a.bin", .tooLarge),
                (.bytes(Self.bytes), .image, "a.png", .wrongFormat), (.bytes(Self.bytes), .file, "none", .invalidName),
                (.file(path: "/nonexistent"), .file, "a.bin", .unreadable),
                (.bytes(AMRDurationTests.speech(frames: 3_001)), .voice, "a.amr", .tooLong),
            ]
            for (source, kind, name, code) in cases {
                guard case .failure(let error) = await line.begin(source, as: kind, name: name).value else {
                    Issue.record("it was uploaded: \(code)")
                    continue
                }
                #expect(error.code == code)
            }
            #expect(line.count(.uploadInit) == 0)
        }
    }

    @Test func afterAReconnectOnlyWhatWasNotAcknowledgedGoes() async throws {
        // The third chunk arrives and its connection is lost before that can be said.
        try await Line.run(faults: [.onFrame(.chunks, .after(.reset), skipping: 2)]) { line in
            let upload = line.begin(.bytes(Self.bytes))
            await line.reconnect()
            _ = try await upload.value.get()
            #expect(line.count(.uploadInit) == 1)
            // Five, and again those two of which nobody knew, or one if the other had not been handed over.
            #expect((6...7).contains(line.count(.uploadChunk)))
            #expect(line.uploaded.map(\.md5) == [try Self.md5(Self.bytes) ?? ""])
            #expect(line.violations.isEmpty)
        }
    }

    @Test func anUploadThatTheServerHasForgottenStartsAnew() async throws {
        try await Line.run(
            { $0.uploadsSurviveReconnect = false },
            faults: [.onFrame(.chunks, .instead(.reset), skipping: 2)]
        ) {
            line in
            let progress = EventRecorder<UploadProgress>()
            let upload = line.begin(.bytes(Self.bytes), progress: progress)
            await line.reconnect()
            _ = try await upload.value.get()
            #expect(line.count(.uploadInit) == 2 && line.count(.uploadFinish) == 1)
            #expect(line.uploaded.map(\.md5) == [try Self.md5(Self.bytes) ?? ""])
            #expect(progress.events.contains { $0.acknowledgedBytes == 0 })
        }
    }

    @Test func anAcknowledgementThatNeverComesCostsTimeAndNothingElse() async throws {
        for (fault, command) in [
            (Fault.onFrame(.chunks, .dropAcknowledgement, skipping: 1), ClientCommand.uploadChunk),
            (.onFrame(FrameFilter(commands: [.uploadInit]), .dropAcknowledgement), .uploadInit),
        ] {
            try await Line.run(faults: [fault]) { line in
                let upload = line.begin(.bytes(Self.bytes))
                let total = command == .uploadChunk ? 5 : 1
                await line.world.observed.wait { Line.count(command, $0) == total }
                // Everything else is through when nothing but that frame is unsettled.
                while await line.connection.unsettled != 1 { await Task.yield() }
                let wait = command == .uploadChunk ? Uploader.patience : .seconds(5)
                await line.world.advance(by: wait - .nanoseconds(1))
                #expect(await line.connection.statistics.unknown == 0)
                await line.world.advance(by: .nanoseconds(1))
                #expect(await line.connection.statistics.unknown == 1)
                await line.world.advance(by: .seconds(60))
                _ = try await upload.value.get()
                #expect(line.count(command) == total + 1)
                #expect(line.uploaded.map(\.md5) == [try Self.md5(Self.bytes) ?? ""])
            }
        }
    }

    @Test func aFinishOfWhichNobodyKnowsLeadsToTheMediaAllTheSame() async throws {
        // The service has ended the upload, and does not know it any more when it is told again.
        let finish = FrameFilter(commands: [.uploadFinish])
        try await Line.run(faults: [.onFrame(finish, .after(.reset))]) { line in
            let upload = line.begin(.bytes(Self.bytes))
            await line.reconnect()
            let media = try await upload.value.get()
            #expect(line.count(.uploadInit) == 2)
            #expect(line.uploaded.count == 2 && line.uploaded.last?.id == media.id)
        }
    }

    @Test func aRefusalSaysWhatTheServerSaid() async throws {
        try await Line.run(faults: [.onFrame(.chunks, .answer(40_201), times: 9)]) { line in
            guard case .failure(let error) = await line.begin(.bytes(Self.bytes)).value else {
                Issue.record("it was uploaded")
                return
            }
            #expect(error.code == .refused && error.serverCode == 40_201)
            #expect("\(error)".contains("errcode 40201"))
        }
    }

    @Test func aCancelledUploadEndsAtOnceAndSendsNothingMore() async throws {
        try await Line.run(faults: [.onFrame(.chunks, .dropAcknowledgement, times: 100)]) { line in
            let upload = line.begin(.bytes(Self.bytes))
            await line.world.observed.wait { Line.count(.uploadChunk, $0) >= 1 }
            upload.cancel()
            guard case .failure(let error) = await upload.value else {
                Issue.record("it was uploaded")
                return
            }
            #expect(error.code == .cancelled)
            let sent = line.count(.uploadChunk)
            await line.world.advance(by: .seconds(60))
            #expect(line.count(.uploadChunk) == sent && line.count(.uploadFinish) == 0)
        }
    }

    @Test func anUploadOfABotThatEndsFailsAtOnce() async throws {
        try await Line.run(faults: [.onFrame(.chunks, .dropAcknowledgement, times: 100)]) { line in
            let upload = line.begin(.bytes(Self.bytes))
            await line.world.observed.wait { Line.count(.uploadChunk, $0) >= 1 }
            await line.connection.stop()
            guard case .failure(let error) = await upload.value else {
                Issue.record("it was uploaded")
                return
            }
            #expect(error.code == .notRunning)
        }
    }

    @Test func onlyChunksGoBehindEverythingElse() async throws {
        try await Line.run { line in
            _ = try await line.begin(.bytes(Self.bytes)).value.get()
            // Subscribe; init; five chunks; finish.
            #expect(
                line.world.priorities.events == [.high, .normal] + [SendPriority](repeating: .low, count: 5) + [.normal]
            )
        }
    }

    @Test func speechOfAMinuteAndLongerSpeechAsAFileAreUploaded() async throws {
        try await Line.run { line in
            _ = try await line.begin(.bytes(AMRDurationTests.speech(frames: 3_000)), as: .voice, name: "a.amr").value
                .get()
            _ = try await line.begin(.bytes(AMRDurationTests.speech(frames: 3_001)), name: "a.amr").value.get()
            #expect(line.uploaded.map(\.type) == ["voice", "file"])
        }
    }

    // MARK: How often

    private static let small = UploadSource.bytes(Array("一份小文件".utf8))

    @Test func thirtyUploadsBeginWithinAMinuteAndTheNextWaitsForTheirTime() async throws {
        try await Line.run { line in
            for _ in 0..<30 { _ = try await line.begin(Self.small).value.get() }
            let next = line.begin(Self.small)
            let cancelled = line.begin(Self.small)
            while await line.world.armed < 3 { await Task.yield() }  // two that wait, and the heartbeat
            cancelled.cancel()
            #expect(await cancelled.value == .failure(UploadError(.cancelled, "the upload was cancelled")))
            await line.world.advance(by: RateBudget.minute - .nanoseconds(1))
            #expect(line.count(.uploadInit) == 30)
            await line.world.advance(by: .nanoseconds(1))
            _ = try await next.value.get()
            #expect(line.count(.uploadInit) == 31)
        }
    }

    @Test func theEndOfTheBotDoesNotWaitForIt() async throws {
        try await Line.run { line in
            for _ in 0..<30 { _ = try await line.begin(Self.small).value.get() }
            let next = line.begin(Self.small)
            while await line.world.armed < 2 { await Task.yield() }
            await line.connection.stop()
            guard case .failure(let error) = await next.value else {
                Issue.record("it was uploaded")
                return
            }
            #expect(error.code == .notRunning && line.count(.uploadInit) == 30)
        }
    }

    /// Pieces of one do not wait for all of another.
    @Test func uploadsTakeTurnsChunkByChunk() async throws {
        try await Line.run { line in
            let large = (0..<1_000_000 * 4).map { UInt8($0 % 253) }
            let uploads = line.connection.uploads
            #expect(await uploads.enter())
            let first = line.begin(.bytes(large), name: "large.bin")
            while uploads.figures.waiting < 2 { await Task.yield() }
            let second = line.begin(.bytes(Self.bytes), name: "small.bin")
            while uploads.figures.waiting < 4 { await Task.yield() }
            uploads.leave(after: nil)
            _ = try await second.value.get()
            #expect(line.uploaded.map(\.name) == ["small.bin"], "the large one was first, and is still under way")
            _ = try await first.value.get()
            #expect(line.violations.isEmpty)
        }
    }

    // MARK: What the system before this one did

    /// It had no upload at all, and finished the stream of an answer that is only a picture with an empty text.
    @Test func anImageIsUploadedAndSentAsAMessageOfItsOwnAndNoEmptyStreamIsFinished() async throws {
        try await Line.run { line in
            let pushed = await line.world.push("画一张图", from: "zhang", in: nil)
            let channel = StreamReplyChannel(
                connection: line.connection,
                requestID: RequestID(rawValue: pushed.requestID),
                conversation: Conversation(kind: .single, id: "zhang")
            )
            let picture = [0x89, 0x50, 0x4E, 0x47] + Self.bytes.prefix(100)
            let media = try await channel.upload(.bytes(picture), as: .image, name: "图.png", progress: nil)
            #expect(await channel.send(OutboundMessage.media(media)) == .delivered)
            // Twice: each is a message of its own, none takes the place of the one before.
            #expect(await channel.send(OutboundMessage.media(media)) == .delivered)
            let bubbles = line.world.observed.events.compactMap { event -> Bubble? in
                if case .updated(_, _, let bubble) = event { bubble } else { nil }
            }
            #expect(bubbles.map(\.messageType) == ["image", "image"])
            #expect(bubbles.map(\.mediaID) == [media.id, media.id])
            #expect(bubbles.allSatisfy { $0.streamID == nil })
            #expect(line.violations.isEmpty)
        }
    }

    @Test func mediaThatDoNotExistAreRefusedAndTheReasonReachesTheAuthor() async throws {
        try await Line.run { line in
            let pushed = await line.world.push("文件", from: "zhang", in: nil)
            let channel = StreamReplyChannel(
                connection: line.connection,
                requestID: RequestID(rawValue: pushed.requestID),
                conversation: Conversation(kind: .single, id: "zhang")
            )
            let delivery = await channel.send(OutboundMessage.media(UploadedMedia(id: "none", kind: .file)))
            #expect(delivery == .refused(.init(code: 40_007, "invalid media_id")))
        }
    }
}

struct OutboundMediaTests {
    /// The body as JSON.
    private func body(_ message: OutboundMessage) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: Data(message.body)) as? NSDictionary)
    }

    @Test func onlyAVideoHasATitle() throws {
        for kind in UploadedMedia.Kind.allCases {
            let message = OutboundMessage.media(UploadedMedia(id: "M/1", kind: kind), title: "题", description: "述")
            #expect(message.kind.rawValue == kind.rawValue)
            let video: NSDictionary = ["media_id": "M/1", "title": "题", "description": "述"]
            #expect(try body(message) == (kind == .video ? video : ["media_id": "M/1"]))
        }
    }

    @Test(arguments: ["a", "字", "😀", "👩‍👩‍👧‍👦", "e\u{301}"])
    func titlesAreCutBetweenCharactersAt64BytesAndDescriptionsAt512(piece: String) throws {
        let media = UploadedMedia(id: "M", kind: .video)
        let text = String(repeating: piece, count: 600)
        let cut = try body(.media(media, title: text, description: text))
        for (key, limit) in [("title", 64), ("description", 512)] {
            let shown = try #require(cut[key] as? String)
            #expect(shown.utf8.count <= limit && shown.utf8.count > limit - piece.utf8.count)
            #expect(shown == String(repeating: piece, count: shown.count))
        }
        let exact = String(repeating: "x", count: 64)
        #expect(try body(.media(media, title: exact))["title"] as? String == exact)
        #expect((try body(.media(media, title: exact + "x"))["title"] as? String)?.utf8.count == 64)
    }
}

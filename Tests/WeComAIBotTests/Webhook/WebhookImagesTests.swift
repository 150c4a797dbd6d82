import BotCore
import Testing

@testable import WeComAIBot

/// When the platform is told the images of an answer, and for how long they are kept.
struct WebhookImagesTests {
    private typealias Streams = WebhookStreams<Int>

    private let start = ContinuousClock.now
    private var streams = Streams()

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private mutating func open(_ id: String, at seconds: Double = 0) {
        guard case .opened = streams.open(id, as: id, waiter: 0, now: at(seconds)) else {
            return #expect(Bool(false), "it was not opened")
        }
    }

    /// The platform asks, and is told.
    private mutating func ask(_ id: String, at seconds: Double) -> StreamFrame {
        let frame = streams.refresh(id, now: at(seconds))
        _ = streams.fetched(frame)
        return frame
    }

    private mutating func attach(_ image: StreamImage, to id: String, at seconds: Double) -> UploadError.Code? {
        streams.attach(image, to: id, now: at(seconds))?.code
    }

    private mutating func close(_ id: String, at seconds: Double) -> Bool {
        streams.closeForImages(id, now: at(seconds))
    }

    private mutating func delivery(_ id: String, at seconds: Double) -> Delivery {
        streams.imageDelivery(of: id, now: at(seconds))
    }

    private func isRefused(_ delivery: Delivery, because reason: String) -> Bool {
        guard case .refused(let actual) = delivery else { return false }
        return actual.message.hasPrefix("its images were not delivered: ") && actual.message.contains(reason)
    }

    /// So many bytes in Base64.
    private func image(_ byteCount: Int = 4, _ md5: String = "m") -> StreamImage {
        StreamImage(base64: String(repeating: "A", count: byteCount), md5: md5)
    }

    /// The system before this one took an image off its queue for whatever question came next, and an answer that was not the
    /// last could not carry it.
    @Test(
        "a refresh that is not the last shows no image and takes none away; the last shows all, and so does each after it"
    )
    mutating func imagesAreHeldUntilTheEnd() {
        open("S")
        #expect(attach(image(4, "1"), to: "S", at: 1) == nil)
        for second in [1.0, 2, 3] { #expect(ask("S", at: second).images.isEmpty) }
        _ = streams.place("看", isFinal: false, in: "S", now: at(3))
        #expect(attach(image(8, "2"), to: "S", at: 4) == nil)
        let half = ask("S", at: 5)
        #expect(half.content == "看" && !half.isFinal && half.images.isEmpty)
        _ = streams.place("看图", isFinal: true, in: "S", now: at(6))
        #expect(delivery("S", at: 6).reason != nil, "not before it is fetched")
        for second in [7.0, 8, 300] {
            let end = ask("S", at: second)
            #expect(end.isFinal && end.content == "看图" && end.images.map(\.md5) == ["1", "2"])
        }
        #expect(delivery("S", at: 301) == .delivered)
        guard case .again(let again) = streams.open("S", as: "x", waiter: 0, now: at(302)) else {
            return #expect(Bool(false), "it was delivered before")
        }
        #expect(again.isFinal && again.images.count == 2)
    }

    @Test("a message that comes again before the end was told gets no image: that answer never ends the bubble")
    mutating func redelivery() {
        open("S")
        #expect(attach(image(), to: "S", at: 1) == nil)
        _ = streams.place("图", isFinal: true, in: "S", now: at(1))
        guard case .again(let again) = streams.open("S", as: "x", waiter: 0, now: at(2)) else {
            return #expect(Bool(false), "it was delivered before")
        }
        #expect(!again.isFinal && again.images.isEmpty)
        #expect(ask("S", at: 3).images.count == 1)
    }

    @Test("the images of all streams share their memory: so much, not a byte more, and again when one is forgotten")
    mutating func memory() {
        #expect(WebhookStreamConfiguration().maximumImageBytes == 67_108_864)
        streams.configuration.maximumImageBytes = 100
        for id in ["1", "2", "3"] { open(id) }
        #expect(attach(image(60), to: "1", at: 1) == nil)
        #expect(attach(image(41), to: "2", at: 1) == .noRoom)
        #expect(attach(image(40), to: "2", at: 1) == nil)
        #expect(streams.imageBytes == 100)
        let error = streams.attach(image(1), to: "3", now: at(1))
        #expect(error?.code == .noRoom && error?.message.contains("100 of 100 bytes") == true)
        // What has ended makes room for a new stream, and so do its images.
        _ = streams.place("图", isFinal: true, in: "1", now: at(2))
        #expect(ask("1", at: 3).images.count == 1)
        streams.configuration.capacity = 3
        open("4", at: 4)
        #expect(streams.imageBytes == 40)
        #expect(attach(image(60), to: "4", at: 5) == nil)
        #expect(attach(image(1), to: "4", at: 5) == .noRoom)
    }

    @Test("images are taken for 5 min 30 s, told for 15 s more, and then freed")
    mutating func window() {
        for id in ["1", "2"] {
            open(id)
            #expect(attach(image(), to: id, at: 329.999) == nil)
        }
        #expect(attach(image(), to: "1", at: 330) == .ended)
        _ = streams.place("图", isFinal: true, in: "1", now: at(329.999))
        #expect(ask("1", at: 344.999).images.count == 1)
        #expect(streams.imageBytes == 8)
        #expect(ask("1", at: 345).images.isEmpty)
        #expect(streams.imageBytes == 0)
        #expect(delivery("1", at: 346) == .delivered, "it was, before")
        #expect(ask("2", at: 346).isFinal && streams.imageBytes == 0)
        #expect(isRefused(delivery("2", at: 346), because: "the time"), "told without its images")
    }

    @Test("whatever happens next frees what is over")
    mutating func freeing() {
        let events: [(inout Streams, ContinuousClock.Instant) -> Void] = [
            { _ = $0.open("new", as: "new", waiter: 0, now: $1) }, { _ = $0.refresh("none", now: $1) },
            { _ = $0.place("x", isFinal: false, in: "other", now: $1) },
            { _ = $0.attach(StreamImage(base64: "", md5: ""), to: "other", now: $1) },
        ]
        for event in events {
            streams = Streams()
            open("old")
            #expect(attach(image(), to: "old", at: 1) == nil)
            open("other", at: 100)
            event(&streams, at(344.999))
            #expect(streams.imageBytes == 4)
            event(&streams, at(345))
            #expect(streams.imageBytes == 0)
        }
    }

    @Test("a bubble that is closed before its answer is complete shows the images that are there")
    mutating func cut() {
        open("S")
        #expect(attach(image(), to: "S", at: 1) == nil)
        let end = ask("S", at: 331)
        #expect(end.isFinal && end.images.count == 1)
        #expect(delivery("S", at: 400) == .delivered)
    }

    @Test("what nobody fetched is not delivered, and the reason says so")
    mutating func notDelivered() {
        for id in ["silent", "over", "unclosed"] {
            open(id)
            #expect(attach(image(), to: id, at: 1) == nil)
        }
        _ = streams.place("图", isFinal: true, in: "silent", now: at(1))
        #expect(delivery("silent", at: 29.999).isDelivered == false)
        #expect(isRefused(delivery("silent", at: 30), because: "stopped asking"))
        #expect(isRefused(delivery("over", at: 600), because: "stopped asking"))
        _ = streams.place("图", isFinal: false, in: "unclosed", now: at(1))
        #expect(ask("unclosed", at: 2).images.isEmpty)
        _ = streams.place("图", isFinal: true, in: "unclosed", now: at(3))
        #expect(streams.standing(of: "unclosed", now: at(40)) != .fetched)
        #expect(
            isRefused(delivery("unclosed", at: 40), because: "stopped asking"),
            "its text was seen, its images were not"
        )
        guard case .unknown = delivery("none", at: 1) else { return #expect(Bool(false), "nothing is known of it") }
    }

    @Test("behind the end of the bubble no image is taken")
    mutating func late() {
        open("S")
        _ = streams.place("一", isFinal: true, in: "S", now: at(1))
        #expect(attach(image(), to: "S", at: 2) == .ended)
        #expect(attach(image(), to: "none", at: 2) == .ended)
        #expect(streams.imageBytes == 0)
    }

    @Test("images of an answer without text get one that can be seen, once")
    mutating func withoutText() {
        open("S")
        #expect(attach(image(), to: "S", at: 1) == nil)
        #expect(close("S", at: 2))
        let end = ask("S", at: 3)
        #expect(end.isFinal && end.content == "✅" && end.images.count == 1)
        #expect(!close("S", at: 4), "it has ended")
    }

    @Test func aFrameThatIsNotTheLastNeverCarriesImagesNorMoreThanTen() throws {
        let codec = WebhookCodec()
        func frame(_ count: Int, isFinal: Bool) -> StreamFrame {
            let images = [StreamImage](repeating: image(), count: count)
            return StreamFrame(id: "S", isFinal: isFinal, content: "图", images: images)
        }
        #expect(throws: WireError.self) { try codec.encode(frame(1, isFinal: false)) }
        #expect(throws: WireError.self) { try codec.encode(frame(11, isFinal: true)) }
        #expect(try !codec.encode(frame(10, isFinal: true)).isEmpty)
        #expect(
            String(decoding: try codec.encode(frame(0, isFinal: true)), as: UTF8.self).contains("msg_item") == false
        )
    }

    @Test func whatWasSaidToBeRefusedIsNotShownAfterwards() throws {
        let start = ContinuousClock.now
        var streams = WebhookStreams<Int>()
        guard case .opened = streams.open("S", as: "S", waiter: 0, now: start) else {
            Issue.record("there is room")
            return
        }
        #expect(streams.attach(StreamImage(base64: "AAAA", md5: "m"), to: "S", now: start + .seconds(1)) == nil)
        #expect(streams.place("图", isFinal: true, in: "S", now: start + .seconds(2)) == .kept)
        streams.redirected("S")
        guard case .refused = streams.imageDelivery(of: "S", now: start + .seconds(40)) else {
            Issue.record("nobody has asked for 40 s")
            return
        }
        let late = streams.refresh("S", now: start + .seconds(45))
        #expect(late.isFinal && late.images.isEmpty)
        #expect(streams.imageBytes == 0)
    }
}

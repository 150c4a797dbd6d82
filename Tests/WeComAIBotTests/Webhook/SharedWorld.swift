import BotCore
import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import WeComAIBot

/// Two processes of one bot behind one address, and what they share.
struct SharedWorld {
    /// One of them. It tells and learns when the test says so.
    struct Process {
        let endpoint: WebhookEndpoint
        let received = Mailbox<(message: Inbound, channel: any ReplyChannel)>()
        let events = Mailbox<(event: Event, channel: any EventChannel)>()
        let posted = EventRecorder<String>()
        let capture = LogCapture()
        private let platform: Platform

        init(
            _ store: any SharedStreamStore,
            _ clock: ManualClock,
            _ platform: Platform,
            onlyGroup: Bool = false,
            _ adjust: (inout WebhookConfiguration) -> Void = { _ in },
            post other: WebhookFallback.Post? = nil
        ) async throws {
            self.platform = platform
            var configuration = try Platform.configuration
            adjust(&configuration)
            let (received, events, posted) = (received, events, posted)
            let post: WebhookFallback.Post =
                other ?? { _, body in
                    posted.record(Self.markdown(body))
                    return PostAnswer(status: 200, body: Array(#"{"errcode":0,"errmsg":"ok"}"#.utf8))
                }
            var fallback = WebhookFallback(post: post)
            if onlyGroup {
                let url = Secret("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k")
                var group = GroupWebhookConfiguration(address: try GroupWebhookAddress(url))
                group.isOnlyWay = true
                fallback.groupWebhook = GroupWebhook(group, clock: clock) { _ in (post, post) }
            }
            endpoint = WebhookEndpoint(
                configuration,
                fallback: fallback,
                shared: store,
                clock: clock,
                log: capture.log,
                onEvent: { events.put(($0, $1)) },
                receiver: { received.put(($0, $1)) }
            )
        }

        /// The text of a Markdown message; `?` if it is none.
        private static func markdown(_ body: [UInt8]) -> String {
            do {
                let message = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
                return (message?["markdown"] as? [String: Any])?["content"] as? String ?? "?"
            } catch {
                return "?"
            }
        }

        /// Tells and asks, once.
        func exchange() async {
            endpoint.answers.shared?.ask()
            await endpoint.answers.shared?.synchronise(endpoint.answers)
        }

        func send(_ id: String, _ text: String = "问") async throws -> Platform.Shown {
            try platform.shown(await endpoint.respond(to: platform.text(id, text)))
        }

        func ask(_ stream: String) async throws -> Platform.Shown {
            try platform.shown(await endpoint.respond(to: platform.refresh(stream)))
        }

        func status(ofAsking stream: String) async throws -> Int {
            await endpoint.respond(to: try platform.refresh(stream)).status
        }

        func next() async throws -> any ReplyChannel { try #require(await received.next()).channel }

        /// How many lines say so.
        func count(ofLines text: String) -> Int { capture.records.count { $0.message.contains(text) } }
    }

    let clock = ManualClock()
    let platform: Platform
    let store: FakeSharedStore
    let a: Process
    let b: Process

    init(onlyGroup: Bool = false, _ adjust: (inout WebhookConfiguration) -> Void = { _ in }) async throws {
        platform = try Platform()
        store = FakeSharedStore(clock)
        a = try await Process(store, clock, platform, onlyGroup: onlyGroup, adjust)
        b = try await Process(store, clock, platform, onlyGroup: onlyGroup, adjust)
    }

    /// A user writes to A, and both know of it: the stream, and the way to answer it.
    func begin(_ id: String = "1") async throws -> (stream: String, channel: any ReplyChannel) {
        let shown = try await a.send(id)
        #expect(!shown.isFinal && shown.text == "<think></think>")
        let channel = try await a.next()
        await a.exchange()
        return (shown.id, channel)
    }

    /// Lets a process tell until the store shows what is expected.
    func tell(_ process: Process, until isTold: (SharedStream) -> Bool, of stream: String) async {
        while !Task.isCancelled {
            await process.exchange()
            if let shown = store.stream(stream), isTold(shown) { return }
            await Task.yield()
        }
    }
}

extension BubbleUpdate {
    static func part(_ text: String) -> BubbleUpdate { BubbleUpdate(bubble: 0, text: text, isFinal: false) }
    static func last(_ text: String) -> BubbleUpdate { BubbleUpdate(bubble: 0, text: text, isFinal: true) }
}

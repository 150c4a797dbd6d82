import BotCore
import BotFoundation
import TestSupport

/// A channel that keeps what it is given and answers at once, or when the test says so.
final class RecordingChannel: ReplyChannel {
    let capabilities: ReplyCapabilities
    /// Each update, when it was handed over.
    let sent = Mailbox<BubbleUpdate>()

    private struct State {
        var updates: [BubbleUpdate] = []
        var outstanding = 0
        var mostOutstanding = 0
        var waiting: [CheckedContinuation<Delivery, Never>] = []
        var verdicts: [Delivery] = []
    }

    private let state = Locked(State())
    private let automatic: Delivery?

    /// - Parameter automatic: The verdict on every update; `nil` to wait for ``settle(_:)``.
    init(
        maximumBytes: Int = 20_480,
        bubbleWindow: Duration? = nil,
        keepAlive: Duration? = nil,
        automatic: Delivery? = .delivered
    ) {
        capabilities = ReplyCapabilities(
            maximumBytes: maximumBytes,
            bubbleWindow: bubbleWindow,
            keepAlive: keepAlive
        )
        self.automatic = automatic
    }

    var updates: [BubbleUpdate] { state.withLock { $0.updates } }
    var finals: [String] { updates.filter(\.isFinal).map(\.text) }
    var mostOutstanding: Int { state.withLock { $0.mostOutstanding } }

    func send(_ update: BubbleUpdate) async -> Delivery {
        state.withLock { state in
            state.updates.append(update)
            state.outstanding += 1
            state.mostOutstanding = max(state.mostOutstanding, state.outstanding)
        }
        defer { state.withLock { $0.outstanding -= 1 } }
        sent.put(update)
        if let automatic { return automatic }
        return await withCheckedContinuation { continuation in
            let verdict = state.withLock { state -> Delivery? in
                if !state.verdicts.isEmpty { return state.verdicts.removeFirst() }
                state.waiting.append(continuation)
                return nil
            }
            if let verdict { continuation.resume(returning: verdict) }
        }
    }

    /// The verdict on the update that is outstanding, or on the next.
    func settle(_ delivery: Delivery) {
        let continuation = state.withLock { state -> CheckedContinuation<Delivery, Never>? in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.verdicts.append(delivery)
            return nil
        }
        continuation?.resume(returning: delivery)
    }
}

/// A channel that can be found again.
struct RoutedChannel: ReplyChannel {
    private let channel: RecordingChannel
    let route: String?

    init(_ channel: RecordingChannel, route: String) {
        self.channel = channel
        self.route = route
    }

    var capabilities: ReplyCapabilities { channel.capabilities }
    func send(_ update: BubbleUpdate) async -> Delivery { await channel.send(update) }
}

extension Inbound {
    /// A message of one user.
    static func test(_ id: String, in conversation: String = "chat", text: String = "") -> Inbound {
        Inbound(
            id: id,
            kind: .text,
            conversation: Conversation(kind: .single, id: conversation),
            sender: conversation,
            text: text
        )
    }
}

import BotCore

extension RequestTable {
    /// What may have become of a frame that is with the socket when the connection ends.
    enum LinkEnd: Sendable, Hashable {
        /// The socket is gone: a frame whose last byte was not written cannot have been read.
        case dropped
        /// The socket still sends what it has before it closes.
        case flushed
    }

    /// The connection has ended. What was never wholly written, and final updates, go again on the next one, those whose waiter
    /// was told meanwhile too, unless the server has read them; of everything else that was on its way the fate is unknown.
    mutating func linkEnded(_ end: LinkEnd, into actions: inout [Action]) {
        isOpen = false
        forgetPacing()
        room = SocketRoom()
        tickets.removeAll()
        unanswered = 0
        for (id, entry) in outstanding() {
            // It was refused already, and keeps its time.
            if case .repeating = entry.stage { continue }
            guard entry.isWanted else {
                remove(id, entry)
                continue
            }
            if entry.waiter == nil, case .written(let at) = entry.stage, isProven(at) {
                remove(id, entry)
                continue
            }
            let mayHaveArrived =
                switch entry.stage {
                case .queued, .repeating: false
                case .handed: end == .flushed
                case .written: true
                }
            if !mayHaveArrived {
                refund(id, entry)
                requeue(id, entry, into: &actions)
            } else if entry.request.kind == .finalUpdate {
                entries[id]?.mayHaveArrived = true
                requeue(id, entry, into: &actions)
            } else {
                let reason = "the connection ended before it was acknowledged"
                if let waiter = entry.waiter { actions.append(.resolve(waiter, .unknown(.init(reason)))) }
                remove(id, entry)
            }
        }
        callBack(into: &actions)
        requeueDoubtful()
        lanes = lanes.filter { !$0.value.queue.isEmpty || $0.value.outstanding != nil }
        for requestID in lanes.keys { lanes[requestID]?.debt = 0 }
    }

    /// Nothing is sent any more: every waiter is told, and the table is empty.
    mutating func stop(into actions: inout [Action]) {
        for (id, entry) in entries.sorted(by: { $0.value.sequence < $1.value.sequence }) {
            guard let waiter = entry.waiter else { continue }
            var isLeft = entry.request.isRecorded
            let outcome: Delivery
            switch entry.stage {
            case .queued:
                outcome = entry.refusal(.init("stopped before it was sent"))
            case .repeating(let code):
                outcome = entry.refusal(.init(code: code.rawValue, "stopped before it was sent again"))
            case .handed, .written:
                isLeft = false
                outcome = .unknown(.init("stopped before it was acknowledged"))
            }
            if isLeft { actions.append(.record(id, .left)) }
            actions.append(.resolve(waiter, outcome))
        }
        self = RequestTable(configuration: configuration)
    }

    /// What holds a slot, in the order in which it came.
    private func outstanding() -> [(id: SendID, entry: Entry)] {
        lanes.values
            .compactMap { lane in lane.outstanding.flatMap { id in entries[id].map { (id: id, entry: $0) } } }
            .sorted { $0.entry.sequence < $1.entry.sequence }
    }

    private mutating func remove(_ id: SendID, _ entry: Entry) {
        erase(id)
        lanes[entry.request.requestID]?.outstanding = nil
    }
}

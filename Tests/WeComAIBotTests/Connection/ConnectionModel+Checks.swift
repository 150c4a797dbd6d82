import BotCore

@testable import WeComAIBot

/// What the driver would do, and what must hold each time.
extension ConnectionModel {
    mutating func perform(_ actions: [Machine.Action]) {
        checkOrder(actions)
        for action in actions {
            switch action {
            case .connect(let epoch): checkConnect(epoch)
            case .write(let frame): checkWrite(frame)
            case .close(let epoch, let code, let reason):
                if epoch != self.epoch || code != 1000 { fail("closes \(epoch) with \(code)") }
                isReplacing = reason == "reconfigured"
                // What was handed over goes out, and answers arrive, until it ends; but nothing more may be handed over.
                if isReplacing {
                    isOpen = false
                    continue
                }
                // What the socket has may still be sent, and read.
                while !handed.isEmpty, chance(50) { serverReads(handed.removeFirst()) }
                handed = []
                forgetConnection()
            case .abort(let epoch):
                isReplacing = false
                if epoch != self.epoch { fail("aborts \(epoch), the connection is \(self.epoch)") }
                forgetConnection()
            case .resolve(let id, let delivery): checkResolve(id, delivery)
            case .record(let id, let standing): checkRecord(Int(id.rawValue), standing)
            case .state(let state):
                if state != .stopped, isStopped { fail("\(state) after the stop") }
                let name = Rig.name(state)
                if Self.next[stateName]?.contains(name) != true { fail("\(stateName) is followed by \(name)") }
                stateName = name
                switch state {
                case .displaced(_, let retryAt): checkDisplaced(until: retryAt)
                case .ready: readySince = now
                case .connecting: readySince = nil
                case .idle, .subscribing, .waiting, .credentialsRejected, .closing, .stopped: break
                }
            case .report(.paced): statistics.paced += 1
            case .report(.throttled): statistics.throttled += 1
            case .report(.heartbeatsRefused): statistics.refusedPings += 1
            case .report(.heartbeatUnanswered):
                statistics.deadWriteHalves += 1
                if unansweredPings < 2 { fail("takes the link for dead after \(unansweredPings) unanswered pings") }
            case .report: break
            }
        }
    }

    /// What may follow each state, as its documentation says.
    private static let next: [String: Set<String>] = [
        "idle": ["connecting", "stopped"],
        "connecting": ["subscribing", "waiting", "closing", "stopped"],
        "subscribing": ["ready", "waiting", "credentialsRejected", "displaced", "connecting", "closing"],
        "ready": ["waiting", "displaced", "connecting", "closing"],
        "waiting": ["connecting", "waiting", "stopped"],
        "displaced": ["connecting", "stopped"],
        "credentialsRejected": ["connecting", "stopped"],
        "closing": ["stopped"],
        "stopped": [],
    ]

    /// Nothing is handed to a connection that the same call gives up: it might be written all the same.
    private mutating func checkOrder(_ actions: [Machine.Action]) {
        guard let end = actions.lastIndex(where: { if case .abort = $0 { true } else { false } }) else { return }
        for case .write(let frame) in actions[..<end] {
            if case .request = frame.content { fail("hands a frame of \(frame.requestID) to a connection it aborts") }
        }
    }

    private mutating func checkConnect(_ epoch: UInt64) {
        if isReplacing { fail("connects while the connection before is still there") }
        if isMoving {
            isMoving = false
            displacements = 0
            isWar = false
        }
        if epoch != self.epoch + 1 { fail("connection \(epoch) after \(self.epoch)") }
        if let lastConnect, now - lastConnect < .seconds(1) { fail("two attempts within \(now - lastConnect)") }
        lastConnect = now
        forgetConnection()
        self.epoch = epoch
        statistics.connects += 1
    }

    private mutating func checkWrite(_ frame: FrameWrite) {
        if !isOpen { fail("writes without a connection") }
        if !seenTickets.insert(frame.ticket).inserted { fail("ticket \(frame.ticket.rawValue) is used twice") }
        switch frame.content {
        case .subscribe:
            if subscribeID != nil { fail("subscribes twice") }
            subscribeID = frame.requestID
        case .ping:
            statistics.pings += 1
            if unansweredPings >= 2 { fail("pings again though two pings and all else were not answered") }
            ping = (frame.requestID, written.filter { id in sends[id]?.lastWrittenAt.map { $0 < now } ?? false })
            if !isSubscribed { fail("pings before it is subscribed") }
        case .request(let bytes):
            if !isSubscribed { fail("writes before it is subscribed") }
            guard let id = Int(String(decoding: bytes, as: UTF8.self)), let send = sends[id] else {
                return fail("writes what nobody sent")
            }
            if send.outcome != nil {
                statistics.repeatedDoubts += 1
                if send.kind != .finalUpdate { fail("writes \(id) though its waiter was told") }
                if send.isProven { fail("writes \(id) again though the server has read it") }
            }
            if let outstanding = lanes[frame.requestID]?.outstanding {
                fail("writes \(id) of \(frame.requestID) while \(outstanding.id) is outstanding")
            }
            if send.writes == 0, let before = firstWrites[frame.requestID], id < before {
                fail("\(id) overtaken by \(before)")
            }
            if send.writes == 0 { firstWrites[frame.requestID] = id }
            if send.kind == .finalUpdate, send.lastWrittenAt != nil { statistics.repeatedFinals += 1 }
            if let standing = send.standing, standing != .departing || send.written != send.asks {
                fail("writes \(id), of which it is not written down that it leaves")
            }
            if send.kind == .once, send.isAccepted { fail("\(id) would be shown twice") }
            lanes[frame.requestID, default: Lane()].outstanding = (id, nil)
            lanes[frame.requestID]?.isAmbiguous = false
            sends[id]?.writes += 1
            sends[id]?.isProven = false
            checkRate(send, id)
        }
        handed.append(frame)
    }

    /// In no 60 seconds more is opened in a conversation than may be. What is sent again after its connection ended does not ask,
    /// and counts where it was sent last: the server opens one bubble for it.
    private mutating func checkRate(_ send: Send, _ id: Int) {
        guard let charge = send.charge else { return }
        if !send.isCounted {
            let opens = if case .stream(let stream) = charge.item { openStreams.insert(stream).inserted } else { true }
            sends[id]?.opens = opens
            sends[id]?.isCounted = true
        }
        guard sends[id]?.opens == true else { return }
        openings[charge.conversation, default: [:]][id] = now
        let recent = openings[charge.conversation]?.filter { now - $0.value <= .seconds(60) } ?? [:]
        openings[charge.conversation] = recent
        if !send.isCounted, recent.count > Self.perMinute {
            fail("\(id) is number \(recent.count) within a minute in \(charge.conversation.id)")
        }
    }

    private mutating func checkRecord(_ id: Int, _ standing: Standing) {
        guard let send = sends[id], send.outcome == nil else { return fail("\(id) is \(standing), but nobody waits") }
        sends[id]?.standing = standing
        switch standing {
        case .departing:
            sends[id]?.asks += 1
            asked.append((id, send.asks + 1, epoch))
        case .waiting:
            statistics.calledBack += 1
            if send.isAccepted { fail("\(id) waits again, but the server accepted it") }
        case .left:
            statistics.left += 1
            if send.isAccepted { fail("\(id) is left, but the server accepted it") }
        }
    }

    private mutating func checkResolve(_ id: Int, _ delivery: Delivery) {
        guard let send = sends[id] else { return fail("tells \(id), which nobody sent") }
        if send.outcome != nil { fail("tells \(id) twice") }
        sends[id]?.outcome = delivery
        switch delivery {
        case .delivered:
            statistics.delivered += 1
            if !send.isAccepted { fail("\(id) is delivered, but the server refused it") }
        case .redirected: fail("\(id) is redirected, but a request knows one way only")
        case .refused(let reason):
            statistics.refused += 1
            if send.isAccepted { fail("\(id) is refused (\(reason)), but the server accepted it") }
            if reason.code == 846_609 {
                statistics.outlasted += 1
                if send.notSubscribedSince.map({ now - $0 >= .seconds(120) }) != true {
                    fail("\(id) is given up though the server may take it soon")
                }
            }
        case .unknown(let reason):
            statistics.unknown += 1
            if send.writes == 0 { fail("\(id) is unknown (\(reason)), but was never handed over") }
            if send.kind == .finalUpdate, reason.message.contains("connection ended") {
                fail("the final update \(id) was given up with its connection")
            }
        }
    }
}

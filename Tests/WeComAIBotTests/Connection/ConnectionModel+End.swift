import BotCore

@testable import WeComAIBot

/// How a run ends.
extension ConnectionModel {
    /// The server behaves from now on: everything that waits must be told, and every final update be delivered.
    mutating func calmDown() {
        isCalm = true
        // Whose waiters were told that nothing came back, on a connection of which nothing is known since.
        let doubtful = written.filter { sends[$0]?.isDoubtful == true && sends[$0]?.isProven == false }
        drop()
        var sinceCalm: Set<Int> = []
        for (id, send) in sends where send.outcome == nil { sinceCalm.insert(id) }
        let start = now
        while failure == nil, sends.contains(where: { $0.value.outcome == nil }) || machine.requestCount > 0 {
            // The longest waits there are: an hour until the budget of an hour is there again, ten minutes after having been displaced.
            if now - start > .seconds(3600 + 2 * 600) { return fail("some are stuck") }
            network()
            while failure == nil, isOpen, !handed.isEmpty || !answers.isEmpty || !asked.isEmpty {
                letDepart()
                writeSome()
                answer()
            }
            if let deadline = machine.nextDeadline { now = max(now, deadline) }
            tick()
        }
        for id in sinceCalm {
            guard let send = sends[id], send.outcome != .delivered else { continue }
            if now - send.sentAt >= .seconds(24 * 3600) { continue }
            if send.kind == .intermediateUpdate, send.charge != nil { continue }  // left out: its conversation was busy
            fail("send \(id) ended \(String(describing: send.outcome)) though the server was well")
        }
        for id in doubtful {
            guard let send = sends[id], !send.isAccepted, send.writes <= 3, now - send.sentAt < .seconds(24 * 3600)
            else { continue }
            fail("the final update \(id) went to a dead connection and was not sent again")
        }
    }

    mutating func stop() {
        for _ in 0..<20 { send() }
        perform(machine.stop(now: now))
        isStopped = true
        for (id, send) in sends where send.outcome == nil { fail("send \(id) is not told after the stop") }
        if machine.requestCount != 0 { fail("requests are left after the stop") }
        now += .seconds(10)
        perform(machine.tick(now: now))
        if machine.state != .stopped || machine.nextDeadline != nil { fail("it does not stop") }
    }
}

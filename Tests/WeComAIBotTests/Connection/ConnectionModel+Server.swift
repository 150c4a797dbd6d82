import BotCore

@testable import WeComAIBot

/// What the server does with what it reads.
extension ConnectionModel {
    mutating func serverReads(_ frame: FrameWrite) {
        var code = 0
        if !isCalm {
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<72: code = 0
            case 72..<82: code = 6000
            case 82..<84: code = 846_609
            case 84..<92: code = 846_605
            case 92..<96: code = 45_009
            default: code = 853_000
            }
        }
        if case .subscribe = frame.content {
            if !isCalm, chance(60) { code = 0 }
        } else if !isCalm, let outageEnd, now < outageEnd {
            code = 846_609
        } else if case .ping = frame.content, !isCalm, chance(20) {
            code = [45_009, 853_000][Int.random(in: 0..<2, using: &generator)]
        }
        if isDeaf, !isCalm {
            lanes[frame.requestID]?.hasLost = true
            return
        }
        if case .request(let bytes) = frame.content, let id = Int(String(decoding: bytes, as: UTF8.self)) {
            if code == 0 { sends[id]?.isAccepted = true }
            lanes[frame.requestID, default: Lane()].owed += 1
        }
        if !isCalm, chance(8) {
            lanes[frame.requestID]?.hasLost = true
        } else {
            answers.append(Answer(requestID: frame.requestID, code: code))
        }
    }

    mutating func answer() {
        guard isOpen || isReplacing, !answers.isEmpty else { return }
        let index = isCalm ? 0 : Int.random(in: 0..<answers.count, using: &generator)
        // Most answers come soon; some stay until the slot of their frame has expired.
        if !isCalm, let lane = lanes[answers[index].requestID], lane.debt == 0, let at = lane.outstanding?.writtenAt,
            now - at < .seconds(10), answers[index].requestID.rawValue == "r0", chance(90)
        {
            return
        }
        let answer = answers.remove(at: index)
        let isClean = lanes[answer.requestID].map { $0.owed == 1 && !$0.hasLost && $0.debt == 0 } ?? false
        deliver(answer)
        if isClean, isOpen, epoch == machine.epoch, !isCalm, chance(20) {
            statistics.duplicates += 1
            deliver(answer, isRepeated: true)
        }
    }

    mutating func deliver(_ answer: Answer, isRepeated: Bool = false) {
        if answer.requestID == subscribeID, answer.code == 0 { isSubscribed = true }
        unansweredPings = 0
        if isReplacing, lanes[answer.requestID] != nil { statistics.lateAnswers += 1 }
        if ping?.requestID == answer.requestID { refusedPings = answer.code == 0 ? 0 : refusedPings + 1 }
        if let ping, ping.requestID == answer.requestID, !isReplacing {
            for id in ping.after { sends[id]?.isProven = true }
        }
        if !isRepeated, var lane = lanes[answer.requestID] {
            lane.owed -= 1
            if lane.debt > 0 {
                lane.debt -= 1
                if lane.outstanding?.writtenAt != nil { lane.isAmbiguous = true }
                statistics.debtsPaid += 1
            } else {
                if let id = lane.outstanding?.id {
                    if answer.code == 846_609, !lane.isAmbiguous {
                        if sends[id]?.notSubscribedSince == nil { sends[id]?.notSubscribedSince = now }
                        hadNoEffect(id)
                    }
                    // Refused, it may go again, and is not in doubt.
                    sends[id]?.isProven = false
                    written.remove(id)
                    ping?.after.remove(id)
                }
                lane.outstanding = nil
            }
            lanes[answer.requestID] = lane
        }
        let code = ErrorCode(rawValue: answer.code)
        let isGivenUp =
            refusedPings >= 2
            || (refusedPings == 1 && code.isCredentialsRejected && ping?.requestID == answer.requestID)
        defer { if isGivenUp, case .ready = machine.state { fail("is ready though its pings are refused") } }
        perform(machine.acknowledged(answer.requestID, code: code, message: "m", epoch: epoch, now: now))
    }
}

import BotFoundation
import Foundation
import Testing

@testable import GatewaySimulator

@Suite("GatewayMachine: against random clients")
struct RandomClientTests {
    /// `TEST_SEED`, or a new one.
    static let seed =
        ProcessInfo.processInfo.environment["TEST_SEED"].flatMap(UInt64.init) ?? .random(in: .min ... .max)

    /// What must hold whatever clients, users and faults do.
    private struct Invariants {
        var living: Set<ConnectionID> = []
        var ended: Set<ConnectionID> = []
        var owed: [ConnectionID: [String: Int]] = [:]
        var finished: [String: String] = [:]

        mutating func check(_ actions: [GatewayMachine.Action]) {
            for action in actions {
                switch action {
                case .send(let id, _, _):
                    #expect(living.contains(id) && !ended.contains(id), "a send on \(id), which has ended")
                case .close(let id, _, _), .abort(let id):
                    #expect(living.contains(id), "an end of \(id), which is gone")
                    #expect(ended.insert(id).inserted, "\(id) was ended twice")
                case .pauseReading, .resumeReading: break
                case .observe(let observation): check(observation.event)
                }
            }
        }

        private mutating func check(_ event: Observation.Event) {
            switch event {
            case .opened(let id): living.insert(id)
            case .closed(let id, _): #expect(living.remove(id) != nil, "\(id) closed twice")
            case .received(let id, _, let requestID, _): owed[id, default: [:]][requestID, default: 0] += 1
            case .acknowledged(let id, let requestID, _):
                owed[id, default: [:]][requestID, default: 0] -= 1
                #expect(owed[id]?[requestID] ?? -1 >= 0, "\(requestID) was acknowledged more often than it was sent")
            case .updated(_, _, let bubble):
                #expect(bubble.text.utf8.count <= 20_480)
                guard let streamID = bubble.streamID else { return }
                #expect(finished[streamID] == nil, "the finished stream \(streamID) changed")
                if bubble.isFinished { finished[streamID] = bubble.text }
            default: break
            }
        }
    }

    @Test(
        "no acknowledgement too many, nothing on an ended socket, no finished bubble changes, one effective connection"
    )
    func invariants() {
        var generator = SplitMix64(seed: Self.seed)
        print("TEST_SEED=\(Self.seed)")
        for _ in 0..<30 { run(&generator) }
    }

    private func run(_ generator: inout SplitMix64) {
        var transcript = Transcript {
            $0.acknowledgementLatency = Bool.random(using: &generator) ? .fixed(.zero) : .upTo(.seconds(3))
        }
        var invariants = Invariants()
        var requests = ["unknown"]
        var messages = ["unknown"]
        for step in 0..<400 {
            transcript.now += .milliseconds(Int.random(in: 0...2_000, using: &generator))
            let now = transcript.now
            let id = ConnectionID(rawValue: Int.random(in: 1...4, using: &generator))
            let request = requests.suffix(4).randomElement(using: &generator) ?? ""
            var actions = transcript.machine.tick(now: now)
            switch Int.random(in: 0..<12, using: &generator) {
            case 0 where !invariants.living.contains(id):
                invariants.ended.remove(id)
                invariants.owed[id] = nil
                actions += transcript.machine.connected(id, now: now)
            case 1 where Int.random(in: 0..<3, using: &generator) == 0:
                actions += transcript.machine.disconnected(id, now: now)
            case 2, 3:
                let secret = Int.random(in: 0..<4, using: &generator) == 0 ? "wrong" : "s3cr3t"
                let body = #"{"bot_id":"bot","secret":"\#(secret)"}"#
                actions += send(&transcript, id, "aibot_subscribe", "sub-\(step)", body)
            case 4, 5:
                let result = transcript.machine.pushText(from: "zhang", "\(step)", to: "bot", now: now)
                requests.append(result.message.requestID)
                messages.append(result.message.messageID)
                actions += result.actions
            case 6:
                let message = messages.randomElement(using: &generator) ?? ""
                actions += transcript.machine.inject(
                    randomFault(message, &generator),
                    bot: "bot",
                    now: now
                )
            case 7: actions += send(&transcript, id, "ping", "ping-\(step)", "{}")
            default:
                let length = [1, 20_480, 20_481].randomElement(using: &generator) ?? 0
                let text = String(repeating: "x", count: length)
                let stream = "\(request)-\(Int.random(in: 0...1, using: &generator))"
                let finish = Bool.random(using: &generator)
                let body =
                    #"{"msgtype":"stream","stream":{"id":"\#(stream)","finish":\#(finish),"content":"\#(text)"}}"#
                actions += send(&transcript, id, "aibot_respond_msg", request, body)
            }
            invariants.check(actions)
            let effective = transcript.machine.connections.filter { $0.value.state == .subscribed(bot: "bot") }.map(
                \.key
            )
            #expect(effective.count <= 1)
            #expect(effective.first == transcript.machine.subscribedConnection(of: "bot"))
        }
    }

    private func send(
        _ transcript: inout Transcript,
        _ id: ConnectionID,
        _ command: String,
        _ request: String,
        _ body: String
    ) -> [GatewayMachine.Action] {
        let text = #"{"cmd":"\#(command)","headers":{"req_id":"\#(request)"},"body":\#(body)}"#
        return transcript.machine.received(Array(text.utf8), on: id, now: transcript.now)
    }

    private func randomFault(_ message: String, _ generator: inout SplitMix64) -> Fault {
        let faults: [Fault] = [
            .dropNextAcknowledgement, .refuse(.conflict, times: 2), .refuseSubscribe(.throttled), .ignoreSubscribe(),
            .onFrame(.replies, .delay(.seconds(4))),
            .onFrame(.replies, .delayAcknowledgement(.seconds(4)), skipping: 1),
            .onFrame(.replies, .instead(.reset)), .onFrame(.replies, .after(.close(code: 1_011))),
            .now(.mute), .now(.reset), .now(.displace), .now(.forgetSubscription), .now(.garbage(.nullHeaders)),
            .now(.repeatCallback(messageID: message)), .onFrame(.subscribe, .after(.displace)),
            .onFrame(.ping, .instead(.close(code: 1_000))), .onFrame(.subscribe, .after(.reset)),
        ]
        return faults.randomElement(using: &generator) ?? .dropNextAcknowledgement
    }
}

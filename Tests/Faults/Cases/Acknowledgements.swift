import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import WeComAIBot

extension FaultCase {
    /// Late, repeated, swapped and missing acknowledgements: nothing is taken for delivered that the server refused.
    static let acknowledgements = FaultCase("acknowledgements", .works) { context in
        let bench = try await Bench(context) { $0.acknowledgementLatency = .upTo(.milliseconds(30)) }
        return try await bench.run {
            var configuration = try bench.configuration()
            configuration.machine.acknowledgementDeadline = .milliseconds(300)
            configuration.machine.slotExpiry = .milliseconds(400)
            let outcomes = Locked<[String: Delivery]>([:])
            let client = try await bench.client(configuration, clock: FastClock(rate: 10)) { message, reply in
                for number in 0..<6 {
                    await reply.write("\(message.text)/\(number) ")
                    try await ContinuousClock().sleep(for: .milliseconds(40))
                }
                let outcome = await reply.finish()
                outcomes.withLock { $0[message.id] = outcome }
            }
            try await client.ready()

            var generator = context.generator(6)
            let faults: [FrameFault] = [
                .dropAcknowledgement, .delayAcknowledgement(.milliseconds(100)),
                .delayAcknowledgement(.milliseconds(350)),
                .delayAcknowledgement(.milliseconds(900)), .delay(.milliseconds(120)), .answer(.conflict),
                .answer(.invalidChat),
                .answer(.invalidParameter), .answer(.streamOver), .answer(-1), .ignore,
            ]
            // Acknowledgements of last frames come again, whenever they like. (One of an earlier frame that came twice could not be
            // told from that of the next frame: it carries nothing but the `req_id`.)
            let observations = await bench.gateway.observations(limit: 100_000)
            let echoing = Task { [gateway = bench.gateway] in
                var generator = context.generator(7)
                var finished: Set<String> = []
                for await observation in observations {
                    if case .updated(let messageID, _, let bubble) = observation.event, bubble.isFinished {
                        finished.insert(Self.requestID(of: messageID))
                    }
                    guard case .acknowledged(_, let requestID, let code) = observation.event,
                        finished.contains(requestID), Bool.random(using: &generator)
                    else { continue }
                    let repeated = #"{"headers":{"req_id":"\#(requestID)"},"errcode":\#(code),"errmsg":"again"}"#
                    await gateway.pushRaw(Array(repeated.utf8))
                }
            }
            var messages: [(message: PushedMessage, text: String)] = []
            for number in 0..<240 {
                let chat = "chat-\(number % 60)"
                for _ in 0..<Int.random(in: 0...2, using: &generator) {
                    let filter = FrameFilter(
                        commands: [.respond],
                        chat: chat,
                        isFinal: [nil, true, false].randomElement(using: &generator) ?? nil
                    )
                    let fault = faults.randomElement(using: &generator) ?? .ignore
                    await bench.gateway.inject(
                        .onFrame(filter, fault, skipping: Int.random(in: 0...2, using: &generator))
                    )
                }
                let message = await bench.gateway.pushText(from: "ann", in: chat, "\(number)")
                messages.append((message, (0..<6).map { "\(number)/\($0) " }.joined()))
                if number % 60 == 59 { try await ContinuousClock().sleep(for: .milliseconds(700)) }
            }
            let count = messages.count
            let deadline = ContinuousClock.now + .seconds(20)
            while outcomes.withLock({ $0.count }) < count, .now < deadline {
                try await ContinuousClock().sleep(for: .milliseconds(20))
            }
            let results = outcomes.withLock { $0 }
            try expect(results.count, is: count, "the number of outcomes")
            var counts = (delivered: 0, refused: 0, unknown: 0, shownThough: 0)
            for (message, text) in messages {
                let outcome = results[message.messageID]
                let sight = try await bench.sight(of: message, text, claims: outcome)
                switch outcome {
                case .refused:
                    counts.refused += 1
                    try expect(!sight.isWhole, "a refused answer not to be shown: \(text)", seen: "\(sight)")
                case .unknown:
                    counts.unknown += 1
                    if sight.isWhole { counts.shownThough += 1 }
                default:
                    counts.delivered += 1
                    try expect(sight.isWhole, "a delivered answer to be shown: \(text)", seen: "\(sight)")
                }
                try expect(sight.times <= 1 && sight.bubbles.count <= 1, "the answer once", seen: "\(sight)")
            }
            await client.stop()
            await bench.gateway.stop()
            await echoing.value
            let stray = await client.connection.statistics.strayAcknowledgements
            return
                "\(count) answers: \(counts.delivered) delivered and shown, \(counts.refused) refused and not shown, "
                + "\(counts.unknown) unknown (\(counts.shownThough) of them shown); \(stray) late or repeated acknowledgements; no false success"
        }
    }

    /// `sim-…-msg-7` is answered under `sim-…-req-7`.
    private static func requestID(of messageID: String) -> String {
        let parts = messageID.split(separator: "-")
        return (parts.dropLast(2) + ["req"] + parts.suffix(1)).joined(separator: "-")
    }
}

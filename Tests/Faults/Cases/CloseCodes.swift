import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import WeComAIBot

extension FaultCase {
    /// However a connection ends, it is replaced, and `ready` is said exactly when it is subscribed.
    static let closeCodes = FaultCase("close-codes", .works) { context in
        enum End: Sendable {
            case code(UInt16)
            case cut(Cut)
        }
        // 0 makes libwebsockets send a close frame without a code; 1006 drops the socket.
        let codes: [UInt16] = [0] + Array(1_000...1_015) + [3_000, 4_000, 4_999]
        let ends = codes.map(End.code) + Cut.allCases.map(End.cut)
        let bench = try await Bench(context)
        return try await bench.run {
            let client = try await bench.client()
            var position = try await client.ready().count
            var worst = Duration.zero
            for end in ends {
                let began = ContinuousClock.now
                switch end {
                case .code(let code): await bench.gateway.inject(.now(.close(code: code)))
                case .cut(let cut): bench.proxy.cut(cut)
                }
                let lost = try await client.waiting(after: position).count
                position = try await client.ready(after: lost).count
                worst = max(worst, .now - began)
                let message = await bench.gateway.pushText(from: "ann \(end)", "after \(end)")
                let answer = try await bench.gateway.waitForAnswer(to: message)
                try expect(answer, is: "echo: after \(end)", "the answer")
            }
            let ready = client.states.events.count { $0.state == .ready }
            try expect(ready, is: ends.count + 1, "the number of times it was ready, as often as it subscribed:")
            await client.stop()
            return "\(ends.count) ways to end; back and answering after each, at the latest after \(worst.figure)"
        }
    }
}

import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import WeComAIBot

extension FaultCase {
    /// Whatever arrives, the next message is answered, and nothing is answered twice.
    static let hostile = FaultCase("hostile", .works) { context in
        let bench = try await Bench(context)
        return try await bench.run {
            let handled = Locked<[String: Int]>([:])
            let client = try await bench.client { message, reply in
                handled.withLock { $0[message.text, default: 0] += 1 }
                await reply.write("echo: \(message.text)")
            }
            try await client.ready()
            let padding = [UInt8](repeating: UInt8(ascii: "x"), count: 10 * 1_024 * 1_024)
            let envelope = #"{"cmd":"aibot_not_yet_invented","headers":{"req_id":"big"},"body":{"padding":""#
            let raw: [(String, [UInt8])] = [
                ("10 MB frame", Array(envelope.utf8) + padding + Array(#""}}"#.utf8)),
                ("10 MB of no JSON", padding),
                (
                    "invalid UTF-8",
                    Array(#"{"cmd":"aibot_msg_callback","headers":{"req_id":""#.utf8) + [0xC3, 0x28, 0xFF]
                        + Array(#""}}"#.utf8)
                ),
                ("null", Array("null".utf8)),
                ("numbers for strings", Array(#"{"cmd":7,"headers":{"req_id":8},"body":{"msgid":9}}"#.utf8)),
                ("headers as a list", Array(#"{"cmd":"aibot_msg_callback","headers":[],"body":{}}"#.utf8)),
                ("message without a body", Array(#"{"cmd":"aibot_msg_callback","headers":{"req_id":"a"}}"#.utf8)),
                ("errcode as a word", Array(#"{"headers":{"req_id":"a"},"errcode":"zero"}"#.utf8)),
                ("errcode out of range", Array(#"{"headers":{"req_id":"a"},"errcode":1e300}"#.utf8)),
                (
                    "key twice",
                    Array(#"{"headers":{"req_id":"a"},"headers":{"req_id":"b"},"errcode":0,"errcode":1}"#.utf8)
                ),
            ]
            var attacks = 0
            func survives(_ what: String) async throws {
                attacks += 1
                let message = await bench.gateway.pushText(from: "ann-\(attacks)", "after \(what)")
                let answer = try await bench.gateway.waitForAnswer(to: message)
                try expect(answer, is: "echo: after \(what)", "the answer")
            }
            for garbage in Garbage.allCases {
                await bench.gateway.inject(.now(.garbage(garbage)))
                try await survives("\(garbage)")
            }
            for (name, bytes) in raw {
                await bench.gateway.pushRaw(bytes)
                try await survives(name)
            }
            // Frames that are nearly right: one byte of a valid one is another.
            var generator = context.generator(11)
            let valid = Array(
                #"{"cmd":"aibot_msg_callback","headers":{"req_id":"f"},"body":{"msgid":"","aibotid":"b","chattype":"single","from":{"userid":"eve"},"msgtype":"text","text":{"content":"fuzz"}}}"#
                    .utf8
            )
            for _ in 0..<2_000 {
                var bytes = valid
                for _ in 0...Int.random(in: 0...2, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                        in: .min ... .max,
                        using: &generator
                    )
                }
                await bench.gateway.pushRaw(bytes)
            }
            try await survives("2,000 mutated frames")

            // The same messages again and again, in any order, also on the next connection.
            var messages: [PushedMessage] = []
            for number in 0..<20 {
                messages.append(await bench.gateway.pushText(from: "bob-\(number % 4)", "once \(number)"))
            }
            for round in 0..<3 {
                for message in messages.shuffled(using: &generator) {
                    await bench.gateway.inject(.now(.repeatCallback(messageID: message.messageID)))
                }
                if round == 1 {
                    let position = client.states.events.count
                    await bench.gateway.inject(.now(.close(code: 1_001)))
                    try await client.ready(after: position)
                }
            }
            for message in messages { try await bench.gateway.waitForBubbles(of: message) }
            try await survives("60 repetitions")
            let twice = handled.withLock { $0.filter { $0.key.hasPrefix("once") && $0.value != 1 } }
            try expect(twice.isEmpty, "each message handled once", seen: "\(twice)")
            let statistics = await client.connection.statistics
            let duplicates = client.dispatcher.statistics.duplicates
            try expect(duplicates, is: 60, "repetitions that were counted:")
            try expect(
                statistics.malformedFrames >= 12,
                "malformed frames to be counted",
                seen: "\(statistics.malformedFrames)"
            )
            try expect(statistics.timesReady, is: 2, "connections (one was closed on purpose):")
            await client.stop()
            return
                "\(attacks) attacks and 2,000 mutated frames on one connection, the next message answered after each; "
                + "\(statistics.malformedFrames) malformed and \(statistics.unhandledCallbacks) unknown frames counted, 60 repetitions dropped"
        }
    }
}

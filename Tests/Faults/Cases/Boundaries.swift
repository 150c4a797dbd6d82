import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import WeComAIBot

extension FaultCase {
    /// Answers as long as a bubble, with what must not be cut at the cut: the bubbles joined are the text.
    static let boundaries = FaultCase("boundaries", .works) { context in
        let limit = 20_480
        let clusters = ["a", "界", "😀", "👨‍👩‍👧‍👦", "🇨🇳", "e\u{301}", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
        var texts: [String] = []
        for size in [limit - 1, limit, limit + 1] {
            for cluster in clusters {
                // The cluster ends at, before or after the limit, wherever its size puts it.
                let count = cluster.utf8.count
                for lead in [0, 1, count / 2] {
                    let whole = (size - lead) / count
                    let rest = size - lead - whole * count
                    texts.append(
                        String(repeating: "x", count: lead) + String(repeating: cluster, count: whole)
                            + String(repeating: "y", count: rest)
                    )
                }
                let before = String(repeating: "z", count: size - count / 2 - 1)
                texts.append(before + cluster + "的尾巴")
            }
        }
        texts.append(String(repeating: "一行字。\n", count: 6_000))
        let all = texts
        let bench = try await Bench(context)
        return try await bench.run {
            let client = try await bench.client(clock: FastClock(rate: 50)) { message, reply in
                let text = all[Int(message.text) ?? 0]
                let half = text.index(text.startIndex, offsetBy: text.count / 2)
                await reply.write(String(text[..<half]))
                await reply.write(String(text[half...]))
            }
            try await client.ready()
            var bubbles = 0
            for (number, text) in texts.enumerated() {
                let message = await bench.gateway.pushText(from: "ann-\(number)", "\(number)")
                let shown = try await bench.gateway.waitForBubbles(of: message) { shown in
                    !shown.isEmpty && shown.allSatisfy(\.isFinished)
                        && shown.reduce(0) { $0 + $1.text.utf8.count } >= text.utf8.count
                }
                let joined = shown.map(\.text).joined()
                try expect(
                    joined.utf8.elementsEqual(text.utf8),
                    "text \(number) of \(text.utf8.count) bytes as it was written",
                    seen: "\(joined.utf8.count) bytes in \(shown.count) bubbles"
                )
                let over = shown.first { $0.text.utf8.count > limit }
                try expect(over == nil, "bubbles of at most \(limit) bytes", seen: "\(over?.text.utf8.count ?? 0)")
                for (one, next) in zip(shown, shown.dropFirst()) {
                    let isWhole = (one.text + next.text).count == one.text.count + next.text.count
                    try expect(
                        isWhole,
                        "no character of text \(number) cut in two",
                        seen: "\(one.text.suffix(3))|\(next.text.prefix(3))"
                    )
                }
                bubbles += shown.count
            }
            await client.stop()
            return
                "\(texts.count) texts of \(limit - 1) to \(limit + 1) bytes and more, in \(bubbles) bubbles: each joined to the byte"
        }
    }
}

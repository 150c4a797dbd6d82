import GatewaySimulator
import TestSupport
import Testing
import WeComBot

@testable import CardBot

/// The example, from what people send to what they see.
@Suite(.timeLimit(.minutes(5)))
struct CardBotTests {
    private func answer(_ message: Inbound, _ reply: Reply) async { await CardBot.answer(message, reply) }

    @Test func aPictureIsDescribedAndTheMenuComesAsAFile() async throws {
        try await BotMediaTests.run(answer) { bench, host in
            let gateway = bench.gateway
            let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1]
            let picture = try host.publish(png, disposition: "attachment; filename*=UTF-8''%E5%9B%BE.png")
            let shown = await gateway.push(.image(picture), from: "u")
            #expect(
                try await gateway.waitForAnswer(to: shown)
                    == "- 图.png: image/png, 9 bytes, MD5 cdee5daac3ebdc5180e5148b63992309\n"
            )
            let broken = await gateway.push(.image(try host.publish(png, fault: .wrongKey)), from: "u")
            #expect(try await gateway.waitForAnswer(to: broken).hasPrefix("- image: "))
            let asked = await gateway.pushText(from: "u", "看看菜单")
            let bubbles = try await gateway.waitForBubbles(of: asked) { $0.contains { $0.messageType == "file" } }
            let file = try #require(bubbles.first { $0.messageType == "file" }?.mediaID)
            let menu = try #require(await gateway.media(file))
            #expect(menu.name == "菜单.txt" && menu.bytes == Menu.text.utf8.count)
        }
    }

    @Test func aCardIsOfferedAndUpdated() async throws {
        let bench = try await BotBench()
        let bot = try bench.bot()
        let handled = Mailbox<Void>()
        let onEvent: ClosureHandler.EventBody = { event, reply in
            try await CardBot.handle(event, reply)
            handled.put(())
        }
        let running = Task { try await bot.run(handlesSignals: false, onEvent: onEvent, answer) }
        try await bench.gateway.waitForSubscription()
        /// Until it is answered in time: a machine that stands still for 5 s is not what is tested.
        func outcome(of event: SimulatedEvent) async -> JSONValue? {
            while !Task.isCancelled {
                let pushed = await bench.gateway.pushEvent(event, from: "u")
                await handled.next()
                if let answer = await bench.gateway.answer(toEvent: pushed) { return answer }
            }
            return nil
        }
        #expect(await outcome(of: .enterChat)?["text"]?["content"]?.string?.hasPrefix("Hello!") == true)
        let asked = await bench.gateway.pushText(from: "u", "来杯咖啡")
        // The text and the card, whichever comes first.
        try await bench.gateway.waitForBubbles(of: asked) { bubbles in
            bubbles.contains { $0.messageType == "template_card" }
                && bubbles.contains { $0.text.contains("What may it be?") && $0.isFinished }
        }
        let pressed = SimulatedEvent.templateCard(cardType: "button_interaction", eventKey: "latte", taskID: "coffee-1")
        let card = await outcome(of: pressed)?["template_card"]
        #expect(card?["task_id"] == "coffee-1" && card?["main_title"]?["title"] == "Latte, coming up")
        bot.stop()
        try await running.value
        try await bench.end()
    }
}

import BotCore
import BotFoundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// On a real loop: its shutdown is the end of every connection on it.
@Suite(.timeLimit(.minutes(10)))
struct LoopShutdownTests {
    @Test(arguments: ["connecting", "ready", "waiting"])
    func shutdownEndsRunAndEveryWaiter(state: String) async throws {
        let home = try EventLoop(name: "gateway")
        let gateway = try await Gateway.start(
            on: home,
            configuration: GatewayConfiguration(botID: "bot", secret: Secret("secret"))
        )
        let url = await gateway.url
        if state == "waiting" { await gateway.stop() }
        // A resolver that does not answer keeps a connection connecting.
        let resolving = ThreadGate()
        let loop = try EventLoop(name: "client") { name in
            if state == "connecting" { resolving.pass() }
            return Resolver.system(name)
        }
        var configuration = LongConnectionConfiguration(
            botID: "bot",
            secret: Secret("secret"),
            endpoint: try WebSocketEndpoint(url)
        )
        configuration.trust = .pem(gateway.certificateAuthorityPEM ?? [])
        let connection = try LongConnection(configuration, on: loop) { _, _ in }
        let states = await connection.states()
        let run = Task { await connection.run() }
        for await present in states where present.name == state { break }
        let channel = StreamReplyChannel(
            connection: connection,
            requestID: RequestID(rawValue: "unknown"),
            conversation: Conversation(kind: .single, id: "user")
        )
        let waiter = Task { await channel.send(BubbleUpdate(bubble: 0, text: "没等到", isFinal: true)) }
        while await connection.unsettled == 0, state != "ready" { await Task.yield() }
        await loop.shutdown()
        await run.value
        #expect(await connection.state == .stopped)
        #expect(await waiter.value != .delivered)
        resolving.open()
        await gateway.stop()
        await home.shutdown()
    }
}

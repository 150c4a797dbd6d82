import BotCore
import BotFoundation
import FoundationEssentials
import LWSTransport
import Testing

@testable import WeComAIBot

/// Answers that go on in another process.
@Suite struct RouteTests {
    private func connection(_ loop: EventLoop) throws -> LongConnection {
        let endpoint = try WebSocketEndpoint("wss://localhost")
        let configuration = LongConnectionConfiguration(botID: "b", secret: Secret("s"), endpoint: endpoint)
        return try LongConnection(configuration, on: loop) { _, _ in }
    }

    private func turn(_ route: String?) -> SavedTurn {
        let message = Inbound(
            id: "m",
            kind: .text,
            conversation: Conversation(kind: .single, id: "u"),
            sender: "u",
            text: ""
        )
        return SavedTurn(number: 1, message: message, route: route, receivedAt: 0)
    }

    @Test func aRouteLeadsBackToTheSameBubble() async throws {
        let loop = try EventLoop(name: "route")
        let connection = try connection(loop)
        for id in ["REQ-1", "请求 \"1\"\\\u{0}\n", "🇨🇳"] {
            let channel = StreamReplyChannel(
                connection: connection,
                requestID: RequestID(rawValue: id),
                conversation: Conversation(kind: .single, id: "u")
            )
            let route = try #require(channel.route)
            let resumed = try #require(await connection.channel(resuming: turn(route)))
            #expect(resumed.capabilities == channel.capabilities)
            let again = try #require(resumed.route)
            let fields = try JSONDecoder().decode([String: String].self, from: Data(route.utf8))
            #expect(try JSONDecoder().decode([String: String].self, from: Data(again.utf8)) == fields)
            #expect(fields["req_id"] == id)
            #expect(fields["stream_id"]?.hasPrefix("stream_") == true)
        }
        await loop.shutdown()
    }

    @Test(arguments: [
        nil, "", "{}", "[]", "null", "REQ-1", #"{"req_id":"","stream_id":"s"}"#, #"{"req_id":"r","stream_id":""}"#,
        #"{"req_id":"r"}"#, #"{"req_id":1,"stream_id":"s"}"#, String(repeating: "[", count: 10_000),
    ])
    func aRouteThatMakesNoSenseLeadsNowhere(route: String?) async throws {
        let loop = try EventLoop(name: "route")
        let resumed = try await connection(loop).channel(resuming: turn(route))
        #expect(resumed == nil)
        await loop.shutdown()
    }
}

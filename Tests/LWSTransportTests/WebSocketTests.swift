import BotCrypto
import BotFoundation
import LWSTransport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct WebSocketTests {
    @Test(arguments: [false, true])
    func messagesGoBothWaysUnchanged(tls: Bool) async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, tls: tls)
        let url = "\(tls ? "wss" : "ws")://localhost:\(server.port)/path?query=1"
        let client = try await Client.connect(url, trust: tls ? server.trust : .system, on: loop)
        await client.opened()
        let texts = ["", "hello", "你好，世界", "👨‍👩‍👧‍👦🇨🇳 e\u{301}", String(repeating: "字", count: 100_000)]
        for text in texts { try await client.socket.send(Array(text.utf8)) }
        for (index, text) in texts.enumerated() { #expect(await client.message(index) == Array(text.utf8)) }
        if tls { #expect(await client.socket.tlsDescription.hasPrefix("TLSv1.3")) }
        await client.socket.close(code: 1000, reason: "done")
        let closure = await client.closed()
        #expect(closure.code == 1000 && !closure.byPeer && closure.error == nil)
        let far = await server.events.first(\.closure)
        #expect(far.code == 1000 && far.byPeer && far.reason == "done")
        await loop.shutdown()
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "[::1]"), ("::1", "127.0.0.1"),
    ])
    func aServerListensOnItsAddressAndNoOther(host: String, other: String) async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, host: host)
        let there = try await Client.connect("ws://\(host == "::1" ? "[::1]" : host):\(server.port)", on: loop)
        await there.opened()
        #expect(await there.socket.isOpen)
        let elsewhere = try await Client.connect("ws://\(other):\(server.port)", on: loop)
        await elsewhere.opened()
        #expect(await !elsewhere.socket.isOpen)
        await loop.shutdown()
    }

    @Test func binaryMessagesStayBinary() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        await client.opened()
        try await client.socket.send([0, 1, 255], isText: false)
        await client.events.wait { $0.contains(.message(bytes: [0, 1, 255], isText: false)) }
        await loop.shutdown()
    }

    @Test(arguments: [1_000, 1_001, 1_008, 1_011, 3_000, 4_999] as [UInt16])
    func theServersCloseCodeAndReasonArrive(code: UInt16) async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        await client.opened()
        await server.sockets.first { $0 }.close(code: code, reason: "再见")
        let closure = await client.closed()
        #expect(closure == WebSocketClosure(code: code, reason: "再见", byPeer: true, error: nil))
        await loop.shutdown()
    }

    @Test func aDroppedSocketIs1006() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        await client.opened()
        await server.sockets.first { $0 }.abort()
        let closure = await client.closed()
        #expect(closure.code == 1006 && !closure.byPeer)
        await loop.shutdown()
    }

    @Test(arguments: [0, 1])
    func aMessageOverTheLimitCloses1009(over: Int) async throws {
        let limit = 200_000
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = limit
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, echo: false)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", configuration: configuration, on: loop)
        await client.opened()
        try await server.sockets.first { $0 }.send([UInt8](repeating: 120, count: limit + over))
        if over == 0 {
            #expect(await client.message().count == limit)
        } else {
            let closure = await client.closed()
            #expect(closure.code == 1009 && closure.error?.code == .messageTooLarge)
            #expect(await server.events.first(\.closure).code == 1009)
        }
        await loop.shutdown()
    }

    @Test func writtenIsToldForEveryMessageOnce() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        await client.opened()
        let socket = client.socket
        for ticket in 1...100 { try await socket.send([65], ticket: UInt64(ticket)) }
        _ = await client.message(99)
        let tickets = client.events.events.compactMap { if case .written(let ticket) = $0 { ticket } else { nil } }
        #expect(tickets == Array(1...100))
        await loop.shutdown()
    }

    @Test func urgentMessagesOvertakeWaitingOnes() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, echo: false)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        await client.opened()
        let socket = client.socket
        try await loop.onLoop {
            socket.assumeIsolated { socket in
                Result {
                    try socket.send(Array("low".utf8), priority: .low)
                    try socket.send(Array("normal".utf8), priority: .normal)
                    try socket.send(Array("high".utf8), priority: .high)
                }
            }
        }.get()
        let seen = await server.events.wait { $0.compactMap(\.messageBytes).count == 3 }
        #expect(seen.compactMap(\.messageBytes) == ["high", "normal", "low"].map { Array($0.utf8) })
        await loop.shutdown()
    }

    @Test func aSlowPeerFillsTheQueueAndDrainsIt() async throws {
        var configuration = WebSocketConfiguration()
        configuration.maximumQueuedBytes = 4 << 20
        let loop = try EventLoop()
        let far = try EventLoop(name: "far")
        let server = try await EchoServer(on: far, echo: false)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", configuration: configuration, on: loop)
        await client.opened()
        let peer = await server.sockets.first { $0 }
        await peer.pauseReading()
        let megabyte = [UInt8](repeating: 97, count: 1 << 20)
        var sent = 0
        var refused: TransportError?
        while refused == nil, sent < 1_000 {
            do throws(TransportError) {
                try await client.socket.send(megabyte)
                sent += 1
            } catch { refused = error }
        }
        #expect(refused?.code == .sendQueueFull)
        await peer.resumeReading()
        await client.events.wait { $0.contains(.drained) }
        let total = sent
        await server.events.wait { $0.compactMap(\.messageBytes).count == total }
        await loop.shutdown()
        await far.shutdown()
    }

    /// What is in the kernel can no longer be overtaken; it takes megabytes unless it is told not to.
    @Test func theKernelHoldsLittleOfWhatCannotBeSentYet() async throws {
        let loop = try EventLoop()
        let far = try EventLoop(name: "far")
        let server = try await EchoServer(on: far, echo: false)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        await client.opened()
        await server.sockets.first { $0 }.pauseReading()
        for _ in 0..<8 {
            try await client.socket.send([UInt8](repeating: 97, count: 1 << 20), priority: .low)
        }
        try await client.socket.send(Array("urgent".utf8), priority: .high, ticket: 7)
        // Until nothing more moves.
        var (held, steady) = (0, 0)
        while steady < 1_000 {
            let now = await client.socket.unsentBytes
            steady = now == held && now > 0 ? steady + 1 : 0
            held = now
        }
        #expect(held < 256 * 1_024)
        #expect(!client.events.events.contains(.written(ticket: 7)), "it waits for one message, the one that was begun")
        await server.sockets.first { $0 }.resumeReading()
        let messages = await server.events.wait { $0.compactMap(\.messageBytes).count == 9 }.compactMap(\.messageBytes)
        #expect(messages.firstIndex { $0.count == 6 } ?? 9 <= 1, "at most one went before it")
        await loop.shutdown()
        await far.shutdown()
    }

    @Test func closingBehindAFullSocketEndsAtTheDeadline() async throws {
        let loop = try EventLoop()
        let far = try EventLoop(name: "far")
        let server = try await EchoServer(on: far, echo: false)
        let client = try await Client.connect(
            "ws://127.0.0.1:\(server.port)",
            configuration: shortDeadlines(),
            on: loop
        )
        await client.opened()
        await server.sockets.first { $0 }.pauseReading()
        for _ in 0..<20 { try await client.socket.send([UInt8](repeating: 97, count: 1 << 20)) }
        await client.socket.close()
        #expect(await client.closed().code == 1006)
        await loop.shutdown()
        await far.shutdown()
    }

    /// The peer sent it before it knew of the close.
    @Test(arguments: [false, true])
    func whatArrivesDuringTheCloseHandshakeIsDelivered(byServer: Bool) async throws {
        let loop = try EventLoop()
        let far = try EventLoop(name: "far")
        var patient = WebSocketConfiguration()
        patient.closeDeadline = .seconds(20)
        let server = try await EchoServer(on: far, configuration: patient, echo: false)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", configuration: patient, on: loop)
        await client.opened()
        let accepted = await server.sockets.first { $0 }
        let (closing, closingEvents) = byServer ? (accepted, server.events) : (client.socket, client.events)
        let peer = byServer ? client.socket : accepted
        await peer.pauseReading()
        try await closing.send(Array("last".utf8), ticket: 7)
        await closing.close(code: 1000, reason: "done")
        await closingEvents.wait { $0.contains(.written(ticket: 7)) }
        let texts = ["不管怎样", String(repeating: "字", count: 50_000), "end"]
        for text in texts { try await peer.send(Array(text.utf8)) }
        let seen = await closingEvents.wait { events in
            events.compactMap(\.messageBytes).count == texts.count || events.contains { $0.closure != nil }
        }
        let arrived = seen.compactMap(\.messageBytes)
        #expect(arrived.map(\.count) == texts.map(\.utf8.count))
        #expect(zip(arrived, texts).allSatisfy { $0 == Array($1.utf8) })
        #expect(!closingEvents.events.contains { $0.closure != nil })
        await peer.resumeReading()
        #expect(await closingEvents.first(\.closure).code == 1000)
        await loop.shutdown()
        await far.shutdown()
    }

    @Test func sendingOnAClosedConnectionIsRefused() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        await client.opened()
        await client.socket.close()
        _ = await client.closed()
        await #expect(throws: TransportError.self) { try await client.socket.send([1]) }
        await loop.shutdown()
    }

    @Test func aLongCloseReasonIsCutAtACharacter() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        await client.opened()
        await client.socket.close(code: 1000, reason: String(repeating: "长", count: 100))
        let closure = await server.events.first(\.closure)
        #expect(closure.reason == String(repeating: "长", count: 41))
        await loop.shutdown()
    }

    @Test func aServerThatStopsFreesItsPortAndEndsItsConnections() async throws {
        let loop = try EventLoop()
        var port: UInt16 = 0
        for _ in 0..<3 {
            var listen = WebSocketServer.Configuration()
            listen.port = port
            let sockets = EventRecorder<WebSocket>()
            let ends = EventRecorder<WebSocketEvent>()
            let server = try await WebSocketServer.listen(on: loop, listen) { socket in
                socket.assumeIsolated { $0.setEventHandler { ends.record($0) } }
                sockets.record(socket)
            }
            port = await server.port
            let clients = [
                try await Client.connect("ws://127.0.0.1:\(port)", on: loop),
                try await Client.connect("ws://127.0.0.1:\(port)", on: loop),
            ]
            await sockets.wait { $0.count == 2 }
            await server.stop()
            #expect(ends.events.compactMap(\.closure).count == 2)
            for client in clients { #expect(await client.closed().code == 1006) }
            let late = try await Client.connect("ws://127.0.0.1:\(port)", on: loop)
            #expect(await late.closed().error?.code == .connectFailed)
        }
        await loop.shutdown()
    }
}

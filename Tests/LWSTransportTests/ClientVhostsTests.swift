import BotCrypto
import BotFoundation
import TestSupport
import Testing

@testable import LWSTransport

/// What client connections share does not grow without end.
@Suite(.timeLimit(.minutes(10)))
struct ClientVhostsTests {
    @Test func thoseWithoutConnectionsGo() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, tls: true)
        let url = "wss://localhost:\(server.port)"
        let first = try await Client.connect(url, trust: server.trust, on: loop)
        await first.opened()
        for number in 0..<2 * ClientVhosts.limit {
            let isTrusted = number.isMultiple(of: 2)
            let pem = try (isTrusted ? server.authority : CertificateAuthority())?.certificatePEM ?? []
            let trust = TrustRoots.pem(pem + Array("# \(number)\n".utf8))
            let client = try await Client.connect(url, trust: trust, on: loop)
            await client.opened()
            #expect(client.events.events.contains(.opened) == isTrusted)
            await client.socket.close()
            #expect(await client.closed().error?.code == (isTrusted ? nil : .certificateRefused))
            #expect(await loop.clientVhostCount == min(number + 2, ClientVhosts.limit))
        }
        // The oldest has a connection.
        try await first.socket.send(Array("字".utf8))
        #expect(await first.message() == Array("字".utf8))
        await loop.shutdown()
    }

    @Test func thoseWithConnectionsStay() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, tls: true)
        var clients: [Client] = []
        for number in 0..<ClientVhosts.limit + 3 {
            let trust = TrustRoots.pem((server.authority?.certificatePEM ?? []) + Array("# \(number)\n".utf8))
            let client = try await Client.connect("wss://localhost:\(server.port)", trust: trust, on: loop)
            await client.opened()
            clients.append(client)
        }
        #expect(await loop.clientVhostCount == ClientVhosts.limit + 3)
        for client in clients {
            try await client.socket.send([65])
            #expect(await client.message() == [65])
        }
        await loop.shutdown()
    }
}

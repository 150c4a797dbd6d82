import Glibc

/// How a link ends.
enum Cut: Sendable, Hashable, CaseIterable {
    /// Both sides get a RST.
    case reset
    /// Both sides get a FIN.
    case finish
}

/// Which way bytes go.
enum Direction: Sendable, Hashable, CaseIterable {
    /// From the client to the server.
    case up
    /// From the server to the client.
    case down
}

/// One relayed connection.
struct Link {
    /// The proxy it came through.
    let proxy: Int
    /// The client's socket and ours to the server; -1 once closed.
    private(set) var client: Int32
    private(set) var server: Int32
    var up = Flow()
    var down = Flow()
    /// How it ends when a flow reaches its cut.
    var cut = Cut.finish
    private var sentUpEnd = false
    private var sentDownEnd = false
    /// A finished link is read until both sides have closed, so that no RST overtakes what was written.
    private(set) var lingersUntil: ContinuousClock.Instant?

    init(proxy: Int, client: Int32, server: Int32) {
        self.proxy = proxy
        self.client = client
        self.server = server
    }

    /// Its server is gone and its client has not been told: what the client sends is taken and thrown away.
    private var isForgotten: Bool { lingersUntil == nil && client >= 0 && server < 0 }

    /// Whether nothing is left of it.
    var isOver: Bool { client < 0 && server < 0 }

    subscript(direction: Direction) -> Flow {
        get { direction == .up ? up : down }
        set { if direction == .up { up = newValue } else { down = newValue } }
    }

    /// What to poll the two sockets for.
    func interest(now: ContinuousClock.Instant) -> (client: Int16, server: Int16) {
        if lingersUntil != nil { return (Int16(POLLIN), Int16(POLLIN)) }
        if isForgotten { return (Int16(POLLIN), 0) }
        var interest = (client: Int16(0), server: Int16(0))
        if up.wantsToRead { interest.client |= Int16(POLLIN) }
        if down.wantsToRead { interest.server |= Int16(POLLIN) }
        if let due = up.nextWrite(), due <= now { interest.server |= Int16(POLLOUT) }
        if let due = down.nextWrite(), due <= now { interest.client |= Int16(POLLOUT) }
        return interest
    }

    /// When it has to be looked at although nothing arrives.
    func nextDeadline(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        [lingersUntil, up.nextWrite(), down.nextWrite()].compactMap(\.self).filter { $0 > now }.min()
    }

    /// Moves bytes.
    mutating func serve(
        client clientEvents: Int16,
        server serverEvents: Int16,
        buffer: inout [UInt8],
        now: ContinuousClock.Instant
    ) {
        if let lingersUntil {
            client = drain(client, &buffer)
            server = drain(server, &buffer)
            if lingersUntil <= now { closeBoth() }
            return
        }
        if isForgotten {
            client = drain(client, &buffer)
            return
        }
        let readable = Int16(POLLIN | POLLHUP | POLLERR)
        var works = true
        if clientEvents & readable != 0 { works = up.read(from: client, into: &buffer, now: now) }
        if works, serverEvents & readable != 0 { works = down.read(from: server, into: &buffer, now: now) }
        if works { works = up.write(to: server, now: now) && down.write(to: client, now: now) }
        guard works else { return end(.reset, now: now) }
        if up.isCutDue || down.isCutDue { return end(cut, now: now) }
        if up.isDrained, !sentUpEnd {
            sentUpEnd = true
            shutdown(server, Int32(SHUT_WR))
        }
        if down.isDrained, !sentDownEnd {
            sentDownEnd = true
            shutdown(client, Int32(SHUT_WR))
        }
        if up.isDrained, down.isDrained { closeBoth() }
    }

    /// Ends it.
    mutating func end(_ cut: Cut, now: ContinuousClock.Instant) {
        switch cut {
        case .reset:
            if client >= 0 { Socket.reset(client) }
            if server >= 0 { Socket.reset(server) }
            (client, server) = (-1, -1)
        case .finish:
            shutdown(client, Int32(SHUT_WR))
            shutdown(server, Int32(SHUT_WR))
            lingersUntil = now + .seconds(1)
        }
    }

    /// Drops the server's side and leaves the client's open: what a crashed server behind a dead route looks like.
    mutating func forgetServer() {
        if server >= 0 { Socket.reset(server) }
        server = -1
    }

    /// Throws away what arrives; what is left of the socket, which is nothing once the other side has closed.
    private func drain(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int32 {
        guard descriptor >= 0 else { return descriptor }
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 || (count < 0 && errno == EINTR) { continue }
            if count < 0, errno == EAGAIN { return descriptor }
            close(descriptor)
            return -1
        }
    }

    private mutating func closeBoth() {
        if client >= 0 { close(client) }
        if server >= 0 { close(server) }
        (client, server) = (-1, -1)
    }
}

import BotFoundation
import Glibc

/// The thread that serves fault proxies: one `poll` for all of them.
final class Relay: Sendable {
    /// One listening port.
    struct Port {
        let number: UInt16
        let listener: Int32
        var target: UInt16
        var acceptance = FaultProxy.Acceptance.relay
        var quality: (latency: Duration, bandwidth: Int?) = (.zero, nil)
        /// Connections of ours that fill the queue of a listener that stalls.
        var fillers: [Int32] = []
    }

    private struct State {
        var ports: [Int: Port] = [:]
        var links: [Int: Link] = [:]
        var nextID = 0
        var isStopping = false
    }

    private let state = Locked(State())
    private let wakeUp: (read: Int32, write: Int32)
    private let thread = ThreadPool(name: "relay", maximumThreads: 1)
    private let hasEnded = Locked(false)
    private let condition = Condition()

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Socket.Failure(call: "pipe") }
        for end in ends { Socket.prepare(end) }
        wakeUp = (ends[0], ends[1])
        thread.execute { [self] in
            serve()
            hasEnded.withLock { $0 = true }
            condition.broadcast()
        }
    }

    /// Ends the thread and every link. Blocks until it has.
    func stop() {
        state.withLock { $0.isStopping = true }
        wake()
        _ = hasEnded.wait(for: condition, atMost: .seconds(5)) { hasEnded, isLastTry in
            hasEnded || isLastTry ? true : nil
        }
        close(wakeUp.read)
        close(wakeUp.write)
    }

    // MARK: For proxies

    func open(to target: UInt16) throws -> (id: Int, port: UInt16) {
        let (listener, port) = try Socket.listen()
        let id = state.withLock { state in
            state.nextID += 1
            state.ports[state.nextID] = Port(number: port, listener: listener, target: target)
            return state.nextID
        }
        wake()
        return (id, port)
    }

    func change(proxy: Int, _ body: (inout Port) -> Void) {
        state.withLock { state in
            if var port = state.ports[proxy] {
                body(&port)
                state.ports[proxy] = port
            }
        }
        wake()
    }

    func eachLink(of proxy: Int, _ body: (inout Link) -> Void) {
        state.withLock { state in
            for (id, link) in state.links where link.proxy == proxy {
                var link = link
                body(&link)
                state.links[id] = link.isOver ? nil : link
            }
        }
        wake()
    }

    func links(of proxy: Int) -> [Link] {
        state.withLock { $0.links.values.filter { $0.proxy == proxy && $0.lingersUntil == nil } }
    }

    func accept(_ acceptance: FaultProxy.Acceptance, proxy: Int) throws {
        guard let port = state.withLock({ $0.ports[proxy] }), port.acceptance != acceptance else { return }
        // First, so that the thread does not accept the connections that are to fill the queue.
        state.withLock { $0.ports[proxy]?.acceptance = acceptance }
        var fillers: [Int32] = []
        if acceptance == .stall {
            // A queue of one, filled by ourselves: the kernel drops every further SYN.
            listen(port.listener, 0)
            fillers = [try Socket.connect(to: port.number), try Socket.connect(to: port.number)]
        } else if port.acceptance == .stall {
            for filler in port.fillers { Socket.reset(filler) }
            listen(port.listener, 1_024)
        }
        state.withLock { $0.ports[proxy]?.fillers = fillers }
        wake()
    }

    private func wake() {
        var byte: UInt8 = 0
        _ = write(wakeUp.write, &byte, 1)
    }

    // MARK: The thread

    private func serve() {
        var buffer = [UInt8](repeating: 0, count: 64 * 1_024)
        while let round = prepare() {
            var descriptors = round.descriptors
            poll(&descriptors, nfds_t(descriptors.count), round.timeout)
            if descriptors[0].revents != 0 { _ = read(wakeUp.read, &buffer, buffer.count) }
            state.withLock { state in
                for (index, owner) in round.owners.enumerated() {
                    let base = round.base(of: index)
                    switch owner {
                    case .port(let id):
                        if descriptors[base].revents != 0 { accept(id, &state) }
                    case .link(let id):
                        guard var link = state.links[id] else { continue }
                        state.links[id] = nil
                        link.serve(
                            client: descriptors[base].revents,
                            server: descriptors[base + 1].revents,
                            buffer: &buffer,
                            now: .now
                        )
                        if !link.isOver { state.links[id] = link }
                    }
                }
            }
        }
        let state = state.withLock { state in
            defer { state = State() }
            return (ports: state.ports, links: state.links)
        }
        for port in state.ports.values {
            close(port.listener)
            for filler in port.fillers { close(filler) }
        }
        for var link in state.links.values { link.end(.reset, now: .now) }
    }

    private struct Round {
        enum Owner { case port(Int), link(Int) }
        var descriptors: [pollfd]
        var owners: [Owner] = []
        private var bases: [Int] = []
        var timeout: Int32 = -1

        init(wakeUp: Int32) { descriptors = [pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)] }

        mutating func add(_ owner: Owner, _ entries: [(Int32, Int16)]) {
            owners.append(owner)
            bases.append(descriptors.count)
            for (descriptor, events) in entries {
                // One that wants nothing is left out, or poll would report its hang-up for ever.
                let shown = events == 0 ? -1 : descriptor
                descriptors.append(pollfd(fd: shown, events: events, revents: 0))
            }
        }

        func base(of index: Int) -> Int { bases[index] }
    }

    /// What to poll; `nil` when the thread is to end.
    private func prepare() -> Round? {
        let now = ContinuousClock.now
        return state.withLock { state in
            guard !state.isStopping else { return nil }
            var round = Round(wakeUp: wakeUp.read)
            var deadline: ContinuousClock.Instant?
            for (id, port) in state.ports where port.acceptance != .stall {
                round.add(.port(id), [(port.listener, Int16(POLLIN))])
            }
            for (id, link) in state.links {
                let interest = link.interest(now: now)
                round.add(.link(id), [(link.client, interest.client), (link.server, interest.server)])
                if let next = link.nextDeadline(now: now) { deadline = deadline.map { min($0, next) } ?? next }
            }
            if let deadline { round.timeout = Int32(clamping: Int((deadline - now) / .milliseconds(1)) + 1) }
            return round
        }
    }

    private func accept(_ id: Int, _ state: inout State) {
        guard let port = state.ports[id], port.acceptance != .stall else { return }
        while let client = Socket.accept(port.listener) {
            switch port.acceptance {
            case .refuse, .stall:
                Socket.reset(client)
                continue
            case .relay, .mute: break
            }
            do {
                var link = Link(proxy: id, client: client, server: try Socket.connect(to: port.target))
                for direction in Direction.allCases {
                    link[direction].isFrozen = port.acceptance == .mute
                    link[direction].latency = port.quality.latency
                    link[direction].bandwidth = port.quality.bandwidth
                }
                state.nextID += 1
                state.links[state.nextID] = link
            } catch {
                Socket.reset(client)
            }
        }
    }
}

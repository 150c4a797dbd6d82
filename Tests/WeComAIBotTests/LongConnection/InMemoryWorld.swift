import BotFoundation
import GatewaySimulator
import TestSupport

@testable import LWSTransport
@testable import WeComAIBot

/// A world for a long connection in which time stands still until a test moves it and sockets do what the test says, or what
/// a simulated gateway does. It lives on a real event loop, as the connection does.
///
/// What it owes a connection never happens inside the connection's own call: it is put off until the world is settled.
actor InMemoryWorld: ConnectionEnvironment {
    /// What the connection did.
    enum Deed: Sendable, Hashable {
        case connect(Int)
        case send(Int, bytes: [UInt8])
        case close(Int, code: UInt16)
        case abort(Int)
    }

    /// One socket, numbered from 1 in the order of the attempts.
    private struct Link {
        let onEvent: @Sendable (WebSocketEvent) -> Void
        var isOver = false
        var unwritten: [UInt64] = []
        /// How long nothing has arrived, for the connection to ask.
        var silence: Duration?
    }

    /// What sockets do by themselves.
    struct Habits: Sendable {
        /// An attempt succeeds at once.
        var opens = true
        /// A frame is with the kernel at once.
        var writes = true
        /// A close is answered, and an abort carried out, at once.
        var ends = true
        /// What a send fails with.
        var refusesToSend: TransportError?
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }
    /// Everything the connection did, in order.
    nonisolated let deeds = EventRecorder<Deed>()
    /// How urgent each frame was that was sent.
    nonisolated let priorities = EventRecorder<SendPriority>()
    /// The same time as a clock, for what does not live on the loop.
    nonisolated let clock: any Clock<Duration>
    /// What the simulated gateway observed.
    nonisolated let observed = EventRecorder<Observation.Event>()

    private(set) var instant: ContinuousClock.Instant
    private let hands: ManualClock
    private var habits = Habits()
    private var timers = TimerHeap()
    private var links: [Int: Link] = [:]
    private var owed: [@Sendable () -> Void] = []
    private var isSettling = false
    private var gateway: GatewayMachine?
    private var addresses: Set<[UInt8]> = [[192, 0, 2, 1]]

    init(on loop: EventLoop, gateway: GatewayConfiguration? = nil) {
        self.loop = loop
        let start = ContinuousClock.now
        instant = start
        hands = ManualClock()
        clock = hands
        self.gateway = gateway.map { GatewayMachine(configuration: $0, now: start, unixTime: 1_767_225_600) }
    }

    // MARK: The connection's side

    nonisolated var now: ContinuousClock.Instant { assumeIsolated { $0.instant } }

    nonisolated func schedule(
        at deadline: ContinuousClock.Instant,
        _ work: @escaping @Sendable () -> Void
    ) -> TimerID {
        assumeIsolated { $0.timers.insert(deadline: deadline, work: work) }
    }

    nonisolated func cancel(_ timer: TimerID) { assumeIsolated { $0.timers.remove(timer) } }

    nonisolated func connect(onEvent: @escaping @Sendable (WebSocketEvent) -> Void) -> any FrameSocket {
        assumeIsolated { $0.addLink(onEvent) }
    }

    nonisolated var networkAddresses: Set<[UInt8]> { assumeIsolated { $0.addresses } }

    /// The world is the same; the test asks the connection where it was going.
    nonisolated func leading(to configuration: LongConnectionConfiguration) -> any ConnectionEnvironment { self }

    private func addLink(_ onEvent: @escaping @Sendable (WebSocketEvent) -> Void) -> MemorySocket {
        let link = links.count + 1
        links[link] = Link(onEvent: onEvent)
        deeds.record(.connect(link))
        if habits.opens { owe { $0.open(link) } }
        return MemorySocket(world: self, link: link)
    }

    func send(_ bytes: [UInt8], ticket: UInt64, on link: Int) -> Result<Void, TransportError> {
        if let error = habits.refusesToSend { return .failure(error) }
        guard links[link]?.isOver == false else { return .failure(TransportError(.notOpen, "not open")) }
        deeds.record(.send(link, bytes: bytes))
        links[link]?.unwritten.append(ticket)
        guard habits.writes else { return .success(()) }
        owe { world in
            world.write(on: link)
            world.runGateway { $0.received(bytes, on: ConnectionID(rawValue: link), now: $1) }
        }
        return .success(())
    }

    func close(_ link: Int, code: UInt16) {
        deeds.record(.close(link, code: code))
        if habits.ends { owe { $0.end(link, WebSocketClosure(code: code, reason: "", byPeer: false, error: nil)) } }
    }

    func abort(_ link: Int) {
        deeds.record(.abort(link))
        if habits.ends { owe { $0.end(link, .lost) } }
    }

    func timeSinceLastByte(on link: Int) -> Duration? { links[link]?.silence }

    // MARK: The test's side

    /// Changes what sockets do by themselves.
    func adopt(_ change: @Sendable (inout Habits) -> Void) { change(&habits) }

    /// Moves the time forward, and does everything on the way that is due.
    func advance(by duration: Duration) { advance(to: instant + duration) }

    /// Moves the time to `end`, unless that is past.
    func advance(to end: ContinuousClock.Instant) {
        settle()
        while let due = [timers.next, gateway?.nextDeadline].compactMap(\.self).min(), due <= end {
            move(to: due)
            while let work = timers.popDue(now: instant) {
                work()
                settle()
            }
            runGateway { $0.tick(now: $1) }
            settle()
        }
        move(to: end)
    }

    private func move(to time: ContinuousClock.Instant) {
        guard time > instant else { return }
        hands.advance(by: instant.duration(to: time))
        instant = time
    }

    /// The machine has other addresses now.
    func setAddresses(_ new: Set<[UInt8]>) { addresses = new }

    /// The machine sleeps: nothing happens, and time passes.
    func sleep(for duration: Duration) { move(to: instant + duration) }

    /// How many connections were attempted.
    var attempts: Int { links.count }

    /// How many timers are armed.
    var armed: Int { timers.count }

    /// The socket opens.
    func open(_ link: Int) {
        emit(.opened, on: link)
        runGateway { $0.connected(ConnectionID(rawValue: link), now: $1) }
        settle()
    }

    /// A message arrives.
    func deliver(_ text: String, on link: Int) { deliver(Array(text.utf8), on: link) }

    /// A message arrives.
    func deliver(_ bytes: [UInt8], on link: Int, isText: Bool = true) {
        emit(.message(bytes: bytes, isText: isText), on: link)
        settle()
    }

    /// Something arrives that is no message.
    func showLife(on link: Int) {
        emit(.activity, on: link)
        settle()
    }

    /// The last byte arrived that long ago, whatever it was.
    func setSilence(_ silence: Duration?, on link: Int) { links[link]?.silence = silence }

    /// The first `count` frames that wait are with the kernel now.
    func write(_ count: Int = .max, on link: Int) {
        let tickets = links[link]?.unwritten.prefix(count) ?? []
        links[link]?.unwritten.removeFirst(tickets.count)
        for ticket in tickets { emit(.written(ticket: ticket), on: link) }
    }

    /// The socket ends.
    func end(_ link: Int, _ closure: WebSocketClosure) {
        guard links[link]?.isOver == false else { return }
        let code = closure.code
        emit(.closed(closure), on: link)
        links[link]?.isOver = true
        runGateway { $0.disconnected(ConnectionID(rawValue: link), code: code, now: $1) }
        settle()
    }

    /// Runs `body` with the gateway and does what it wants done.
    @discardableResult
    func withGateway<Result: Sendable>(
        _ body: @Sendable (inout GatewayMachine, ContinuousClock.Instant) -> (Result, [GatewayMachine.Action])
    ) -> Result? {
        guard var machine = gateway else { return nil }
        let (result, actions) = body(&machine, instant)
        gateway = machine
        for action in actions { perform(action) }
        settle()
        return result
    }

    // MARK: Inside

    private func runGateway(
        _ body: @Sendable (inout GatewayMachine, ContinuousClock.Instant) -> [GatewayMachine.Action]
    ) {
        withGateway { ((), body(&$0, $1)) }
    }

    private func perform(_ action: GatewayMachine.Action) {
        switch action {
        case .send(let id, let bytes, let isText):
            owe { $0.emit(.message(bytes: bytes, isText: isText), on: id.rawValue) }
        case .close(let id, let code, let reason):
            let closure = WebSocketClosure(code: code, reason: reason, byPeer: true, error: nil)
            owe { $0.end(id.rawValue, closure) }
        case .abort(let id): owe { $0.end(id.rawValue, .lost) }
        case .pauseReading, .resumeReading: break
        case .observe(let observation): observed.record(observation.event)
        }
    }

    private func emit(_ event: WebSocketEvent, on link: Int) {
        guard let link = links[link], !link.isOver else { return }
        link.onEvent(event)
    }

    private func owe(_ work: @escaping @Sendable (isolated InMemoryWorld) -> Void) {
        owed.append { self.assumeIsolated { work($0) } }
        if !isSettling { loop.execute { self.assumeIsolated { $0.settle() } } }
    }

    private func settle() {
        guard !isSettling else { return }
        isSettling = true
        defer { isSettling = false }
        while !owed.isEmpty { owed.removeFirst()() }
    }
}

/// A socket of an ``InMemoryWorld``.
private struct MemorySocket: FrameSocket {
    let world: InMemoryWorld
    let link: Int

    func send(_ bytes: [UInt8], priority: SendPriority, ticket: UInt64) throws(TransportError) {
        world.priorities.record(priority)
        try world.assumeIsolated { $0.send(bytes, ticket: ticket, on: link) }.get()
    }

    func close(code: UInt16, reason: String) { world.assumeIsolated { $0.close(link, code: code) } }

    func abort() { world.assumeIsolated { $0.abort(link) } }

    var timeSinceLastByte: Duration? { world.assumeIsolated { $0.timeSinceLastByte(on: link) } }
}

extension WebSocketClosure {
    /// What a connection that just vanishes looks like.
    static let lost = WebSocketClosure(code: 1_006, reason: "", byPeer: false, error: nil)

    /// The server's own close.
    static func byServer(_ code: UInt16) -> WebSocketClosure {
        WebSocketClosure(code: code, reason: "whatever", byPeer: true, error: nil)
    }
}

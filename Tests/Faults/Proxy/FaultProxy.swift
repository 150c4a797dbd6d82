import BotFoundation
import Glibc

/// A port of the loopback interface whose connections are relayed to another one, with faults. Any thread.
final class FaultProxy: Sendable {
    /// Where clients connect.
    let port: UInt16
    private let relay: Relay
    private let id: Int

    /// Listens on a free port and relays to `target`.
    init(to target: UInt16, on relay: Relay) throws {
        self.relay = relay
        (id, port) = try relay.open(to: target)
    }

    /// What is done with new connections.
    enum Acceptance: Sendable, Hashable {
        /// They are relayed.
        case relay
        /// They get a RST.
        case refuse
        /// They are accepted, and nothing is ever relayed.
        case mute
        /// They are not even accepted, so that TCP hangs; those of the past live on.
        case stall
    }

    /// Sets what is done with new connections.
    func accept(_ acceptance: Acceptance) throws { try relay.accept(acceptance, proxy: id) }

    /// Relays new connections elsewhere.
    func redirect(to target: UInt16) { relay.change(proxy: id) { $0.target = target } }

    /// Changes what is there of links now.
    private func eachLink(_ change: (inout Link) -> Void) { relay.eachLink(of: id, change) }

    /// Ends every link now.
    func cut(_ cut: Cut) { eachLink { $0.end(cut, now: .now) } }

    /// Ends every link after exactly so many more bytes in a direction.
    func cut(_ cut: Cut, after bytes: Int, _ direction: Direction) {
        eachLink { link in
            link.cut = cut
            link[direction].cutAt = link[direction].passed + bytes
        }
    }

    /// Keeps links open and passes nothing in these directions, or passes again.
    func freeze(_ directions: [Direction] = Direction.allCases, _ isFrozen: Bool = true) {
        eachLink { link in
            for direction in directions { link[direction].isFrozen = isFrozen }
        }
    }

    /// The server's side of each link vanishes, and the client is not told.
    func halfOpen() { eachLink { $0.forgetServer() } }

    /// The quality of links, those of now and those to come.
    func quality(latency: Duration = .zero, bandwidth: Int? = nil) {
        relay.change(proxy: id) { $0.quality = (latency, bandwidth) }
        eachLink { link in
            for direction in Direction.allCases {
                link[direction].latency = latency
                link[direction].bandwidth = bandwidth
            }
        }
    }

    /// Bytes that have passed on the links of now.
    func passed(_ direction: Direction) -> Int {
        relay.links(of: id).reduce(0) { $0 + $1[direction].passed }
    }
}

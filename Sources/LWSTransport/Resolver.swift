internal import BotFoundation
internal import Glibc

/// Turns host names into numeric addresses, on threads of its own: `getaddrinfo` blocks, for a minute if the name server is
/// gone, and must not do that to a loop.
package struct Resolver: Sendable {
    /// Every address of a host, or why there is none. May block.
    package typealias LookUp = @Sendable (_ host: String) -> Result<[String], TransportError>

    private typealias Completion = @Sendable (Result<[String], TransportError>) -> Void

    private let threads = ThreadPool(name: "resolver", maximumThreads: 16)
    private let lookUp: LookUp
    /// Who waits for which host: a host is looked up once at a time, so that a dead name server does not pile up work.
    private let waiting = Locked<[String: [Completion]]>([:])

    init(lookUp: @escaping LookUp) {
        self.lookUp = lookUp
    }

    /// Calls `completion` on one of the resolver's threads with every address of `host`, in the system's order of preference.
    func resolve(
        _ host: String,
        completion: @escaping @Sendable (Result<[String], TransportError>) -> Void
    ) {
        let isFirst = waiting.withLock { waiting in
            waiting[host, default: []].append(completion)
            return waiting[host]?.count == 1
        }
        guard isFirst else { return }
        threads.execute { [waiting, lookUp] in
            let result = lookUp(host)
            for completion in waiting.withLock({ $0.removeValue(forKey: host) ?? [] }) { completion(result) }
        }
    }

    /// The system's resolver.
    package static let system: LookUp = { lookUp($0, flags: 0) }

    /// The address if `host` is one already; does not block.
    static func numericAddress(_ host: String) -> String? {
        if case .success(let addresses) = lookUp(host, flags: AI_NUMERICHOST) { addresses.first } else { nil }
    }

    private static func lookUp(_ host: String, flags: Int32) -> Result<[String], TransportError> {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            let reason = String(cString: gai_strerror(code))
            return .failure(
                TransportError(
                    .resolveFailed,
                    "the host name \(host) has no address (\(reason)): check the name and the DNS"
                )
            )
        }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let size = socklen_t(text.count)
            if getnameinfo(entry.ai_addr, entry.ai_addrlen, &text, size, nil, 0, NI_NUMERICHOST) == 0 {
                let address = String(cBuffer: text)
                if !addresses.contains(address) { addresses.append(address) }
            }
        }
        return .success(addresses)
    }
}

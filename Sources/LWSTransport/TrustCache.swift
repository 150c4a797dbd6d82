internal import CLibwebsockets

/// Trust that connections share, because reading the system's certificates takes a while. Bounded: the one that was not used for the
/// longest time goes.
///
/// Invariant behind the freeing in `deinit`: connections hold what they use by references of their own.
final class TrustCache {
    private static let limit = 8
    /// The last used is last.
    private var entries: [(roots: TrustRoots, trust: LibraryPointer)] = []

    deinit {
        for entry in entries { clws_trust_free(entry.trust.pointer) }
    }

    func trust(for roots: TrustRoots) -> Result<LibraryPointer, TransportError> {
        if let index = entries.firstIndex(where: { $0.roots == roots }) {
            entries.append(entries.remove(at: index))
            return .success(entries[entries.count - 1].trust)
        }
        return Self.make(roots).map { made in
            if entries.count == Self.limit { clws_trust_free(entries.removeFirst().trust.pointer) }
            entries.append((roots, made))
            return made
        }
    }

    private static func make(_ roots: TrustRoots) -> Result<LibraryPointer, TransportError> {
        // No bytes may have no address either, and for the library that would mean the system's trust.
        if roots == .pem([]) { return .failure(TransportError(.trustUnusable, "there are no trusted certificates")) }
        var reason = [CChar](repeating: 0, count: 256)
        let made: OpaquePointer? =
            switch roots {
            case .system: clws_trust_create(nil, 0, &reason, reason.count)
            case .pem(let pem):
                pem.withUnsafeBytes { bytes in
                    clws_trust_create(bytes.bindMemory(to: CChar.self).baseAddress, bytes.count, &reason, reason.count)
                }
            }
        guard let made else { return .failure(TransportError(.trustUnusable, String(cBuffer: reason))) }
        return .success(LibraryPointer(made))
    }
}

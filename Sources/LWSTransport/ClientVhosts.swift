internal import CLibwebsockets

/// The vhosts that client connections share, because reading the system's certificates takes a while. Beyond a limit the one goes that
/// has no connections and was not used for the longest time.
struct ClientVhosts {
    static let limit = 16
    /// The last used is last.
    private var entries: [(home: ClientHome, vhost: LibraryPointer)] = []

    var count: Int { entries.count }

    mutating func vhost(for home: ClientHome, in context: LibraryPointer) -> Result<LibraryPointer, TransportError> {
        if let index = entries.firstIndex(where: { $0.home == home }) {
            entries.append(entries.remove(at: index))
            return .success(entries[entries.count - 1].vhost)
        }
        return home.makeVhost(in: context).map { made in
            // One that has just been made too has no connections yet.
            if entries.count >= Self.limit,
                let index = entries.firstIndex(where: { clws_vhost_is_idle($0.vhost.pointer) != 0 })
            {
                clws_vhost_close(entries.remove(at: index).vhost.pointer)
            }
            entries.append((home, made))
            return made
        }
    }
}

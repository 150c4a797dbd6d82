package import BotFoundation

/// Where a Redis server is, and as whom to talk to it.
package struct RedisAddress: Sendable, Hashable {
    /// How it is reached.
    package enum Place: Sendable, Hashable {
        case host(String, port: UInt16)
        case unixSocket(path: String)
    }

    /// The port of a server that is not told another.
    package static let defaultPort: UInt16 = 6_379

    package var place: Place
    /// Its ACL user; `nil` for the default one.
    package var user: String?
    /// `nil` if the server wants none.
    package var password: Secret?
    /// The number of the database.
    package var database: Int

    package init(_ place: Place, user: String? = nil, password: Secret? = nil, database: Int = 0) {
        self.place = place
        self.user = user
        self.password = password
        self.database = database
    }
}

extension RedisAddress: CustomStringConvertible {
    /// Without the password.
    package var description: String {
        switch place {
        case .host(let host, let port): "redis://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
        case .unixSocket(let path): "unix://\(path)"
        }
    }
}

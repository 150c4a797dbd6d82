internal import BotFoundation
internal import BotRedis
internal import LWSTransport
internal import WeComAIBot

/// The rule of what several processes share.
extension ConfigurationRules {
    private static let forms = "redis://[user[:password]@]host[:port][/database] or unix:///path"
    /// The most a socket's path may have (unix(7)), with the zero byte behind it.
    private static let maximumSocketBytes = 107

    /// `nil` for an empty URL, which means none. No message repeats any of it: there may be a password in it.
    static func sharedState(_ url: String) throws(ConfigurationFault) -> RedisAddress? {
        let url = url.trimmed
        guard !url.isEmpty else { return nil }
        if let path = url.after("unix://") { return RedisAddress(.unixSocket(path: try socket(path))) }
        let parts: ServerURL
        do {
            parts = try ServerURL(url)
        } catch {
            throw ConfigurationFault("\(error.message); write \(forms)")
        }
        guard parts.scheme == "redis" else {
            let advice = parts.scheme == "rediss" ? "; for TLS, connect through a tunnel" : ""
            throw ConfigurationFault("must be \(forms)\(advice)")
        }
        let (user, password) = try credentials(parts.userInfo)
        let place = RedisAddress.Place.host(parts.host, port: parts.port ?? RedisAddress.defaultPort)
        return RedisAddress(place, user: user, password: password, database: try database(parts.path))
    }

    private static func socket(_ path: String) throws(ConfigurationFault) -> String {
        guard let path = PercentEncoding.decode(path), path.hasPrefix("/"), path.isFreeOfControls, !path.contains("?")
        else { throw ConfigurationFault("must be unix:///path, with an absolute path") }
        guard path.utf8.count <= maximumSocketBytes else {
            throw ConfigurationFault(
                "names a socket whose path has \(path.utf8.count) bytes; at most \(maximumSocketBytes) work"
            )
        }
        return path
    }

    private static func credentials(
        _ info: String?
    ) throws(ConfigurationFault) -> (user: String?, password: Secret?) {
        guard let info, !info.isEmpty else { return (nil, nil) }
        let parts = info.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let decoded = parts.compactMap { PercentEncoding.decode($0) }
        guard decoded.count == parts.count, decoded.allSatisfy(\.isFreeOfControls) else {
            throw ConfigurationFault(
                "has a user or password in which a % is not followed by two digits of a character; write % as %25"
            )
        }
        // A user without a password has one that does not matter.
        return (decoded[0].isEmpty ? nil : decoded[0], Secret(decoded.count == 2 ? decoded[1] : ""))
    }

    private static func database(_ path: String) throws(ConfigurationFault) -> Int {
        let text = path.dropFirst()
        guard !text.isEmpty else { return 0 }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text), number <= Int(Int32.max)
        else {
            throw ConfigurationFault("must end with the number of the database, or with nothing")
        }
        return number
    }
}

extension String {
    /// What follows `prefix`; `nil` if it does not begin so. Letters of the scheme may be large.
    fileprivate func after(_ prefix: String) -> String? {
        lowercased().hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}

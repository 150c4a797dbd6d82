internal import BotFoundation
internal import Glibc
internal import LWSTransport
internal import WeComAIBot

/// The rule of each setting, the same for values that were read and values set in code.
enum ConfigurationRules {
    /// A credential or name that goes into a frame as it is.
    static func token(_ text: String) throws(ConfigurationFault) -> String {
        let text = text.trimmed
        guard !text.isEmpty else { throw ConfigurationFault("must not be empty") }
        guard text.isFreeOfControls, !text.unicodeScalars.contains(where: \.properties.isWhitespace) else {
            throw ConfigurationFault("must not contain spaces or control characters")
        }
        return text
    }

    static func endpoint(_ url: String) throws(ConfigurationFault) -> WebSocketEndpoint {
        do {
            return try WebSocketEndpoint(url)
        } catch {
            throw ConfigurationFault(error)
        }
    }

    static func name(_ text: String) throws(ConfigurationFault) -> String {
        guard text.trimmed.isFreeOfControls else { throw ConfigurationFault("must not contain control characters") }
        return text.trimmed
    }

    /// What stands between commas, without the blanks around it.
    static func entries(_ list: String) -> [String] {
        list.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
    }

    /// An entry of the list of media origins. The message does not repeat it, because there may be a password in it.
    static func origin(_ text: String, number: Int) throws(ConfigurationFault) -> MediaOrigin {
        do {
            return try MediaOrigin(text.trimmed)
        } catch {
            throw ConfigurationFault(
                "entry \(number) \(error.message); write scheme://host:port, where * is every port"
            )
        }
    }

    /// The whole list.
    static func origins(_ list: [String]) throws(ConfigurationFault) -> [MediaOrigin] {
        var origins: [MediaOrigin] = []
        for (index, entry) in list.enumerated() { origins.append(try origin(entry, number: index + 1)) }
        return origins
    }

    static func mode(named name: String) throws(ConfigurationFault) -> Configuration.Mode {
        guard let mode = Configuration.Mode(name: name.trimmed) else {
            let names = Configuration.Mode.names.joined(separator: " or ")
            throw ConfigurationFault("is not a known mode; write \(names)")
        }
        return mode
    }

    /// A number of seconds; `limits` are whole ones.
    static func time(_ time: Duration, in limits: ClosedRange<Duration>) throws(ConfigurationFault) -> Duration {
        guard limits.contains(time) else {
            let seconds = time / .seconds(1)
            let shown = Int(exactly: seconds).map(String.init) ?? String(seconds)
            throw ConfigurationFault("must be \(range(limits)), not \(shown)")
        }
        return time
    }

    static func time(
        seconds: Double,
        in limits: ClosedRange<Duration>
    ) throws(ConfigurationFault) -> Duration {
        // `Duration` traps on what it cannot hold, so that the comparison comes first.
        guard (0...1_000_000).contains(seconds) else { throw ConfigurationFault("must be \(range(limits))") }
        return try time(.seconds(seconds), in: limits)
    }

    static func time(
        _ value: ConfigurationValue,
        in limits: ClosedRange<Duration>
    ) throws(ConfigurationFault) -> Duration {
        switch value {
        case .number(let seconds): return try time(seconds: seconds, in: limits)
        case .text(let text):
            // Double.init would also take "nan", "0x1E" and "3e1".
            let text = text.trimmed
            if text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }), let seconds = Double(text) {
                return try time(seconds: seconds, in: limits)
            }
        case .absent, .flag, .other: break
        }
        let (least, most) = bounds(limits)
        throw ConfigurationFault("must be a number of seconds from \(least) to \(most)")
    }

    private static func range(_ limits: ClosedRange<Duration>) -> String {
        let (least, most) = bounds(limits)
        return "from \(least) to \(most) seconds"
    }

    private static func bounds(_ limits: ClosedRange<Duration>) -> (least: Int64, most: Int64) {
        (limits.lowerBound.components.seconds, limits.upperBound.components.seconds)
    }

    static func displacementPolicy(named name: String) throws(ConfigurationFault) -> DisplacementPolicy {
        guard let policy = DisplacementPolicy(rawValue: name.trimmed.lowercased()) else {
            let names = DisplacementPolicy.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationFault("is not known; write one of \(names)")
        }
        return policy
    }

    static func count(_ count: Int, in limits: ClosedRange<Int>) throws(ConfigurationFault) -> Int {
        guard limits.contains(count) else { throw ConfigurationFault(message(limits)) }
        return count
    }

    static func count(_ value: ConfigurationValue, in limits: ClosedRange<Int>) throws(ConfigurationFault) -> Int {
        switch value {
        case .number(let number):
            guard let count = Int(exactly: number) else { throw ConfigurationFault(message(limits)) }
            return try self.count(count, in: limits)
        case .text(let text):
            // Int.init would also take "+5".
            let text = text.trimmed
            guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(text) else {
                throw ConfigurationFault(message(limits))
            }
            return try self.count(count, in: limits)
        case .absent, .flag, .other:
            throw ConfigurationFault(message(limits))
        }
    }

    private static func message(_ limits: ClosedRange<Int>) -> String {
        "must be a whole number from \(limits.lowerBound) to \(limits.upperBound)"
    }

    static func flag(_ value: ConfigurationValue) throws(ConfigurationFault) -> Bool {
        switch value {
        case .flag(let flag): return flag
        case .text(let text):
            switch text.trimmed.lowercased() {
            case "true", "1": return true
            case "false", "0": return false
            default: throw ConfigurationFault("must be true or false")
            }
        case .absent, .number, .other: throw ConfigurationFault("must be true or false")
        }
    }

    static func port(_ value: ConfigurationValue) throws(ConfigurationFault) -> UInt16 {
        switch value {
        case .number(let number): try port(number)
        case .text(let text): try port(text)
        case .absent, .flag, .other: throw portFault
        }
    }

    static let portFault = ConfigurationFault("must be a port from 1 to 65535, or 0 for none")

    static func port(_ number: Double) throws(ConfigurationFault) -> UInt16 {
        guard let port = UInt16(exactly: number) else { throw portFault }
        return port
    }

    static func port(_ text: String) throws(ConfigurationFault) -> UInt16 {
        // UInt16.init would also take "+80".
        let text = text.trimmed
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(text) else { throw portFault }
        return port
    }

    static func address(_ text: String) throws(ConfigurationFault) -> String {
        let text = text.trimmed
        var address = in6_addr()
        guard inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1 else {
            throw ConfigurationFault(
                "must be a numeric address of this machine: 127.0.0.1, ::1, or 0.0.0.0 for every IPv4 address"
            )
        }
        return text
    }

    static func logLevel(named name: String) throws(ConfigurationFault) -> Log.Level {
        let name = name.trimmed.lowercased()
        guard let level = Log.Level.allCases.first(where: { "\($0)" == name }) else {
            let names = Log.Level.allCases.map { "\($0)" }.joined(separator: ", ")
            throw ConfigurationFault("is not a known level; write one of \(names)")
        }
        return level
    }

    static func logFormat(named name: String) throws(ConfigurationFault) -> Log.Format {
        guard let format = Log.Format(rawValue: name.trimmed.lowercased()) else {
            let names = Log.Format.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationFault("is not a known format; write one of \(names)")
        }
        return format
    }

    /// `nil` for an empty path, which means the system's trust.
    static func certificateAuthorityFile(_ path: String) throws(ConfigurationFault) -> String? {
        guard !path.isEmpty else { return nil }
        // A bundle of every public authority has about 250 KiB.
        let bytes = try ConfigurationFile.contents(of: path, maximumBytes: 4 << 20)
        guard String(decoding: bytes, as: UTF8.self).contains("CERTIFICATE-----") else {
            throw ConfigurationFault("names a file without a PEM certificate (-----BEGIN CERTIFICATE-----)")
        }
        do {
            try TrustRoots.pem(bytes).check()
        } catch {
            throw ConfigurationFault("names a file that \(error.message)")
        }
        return path
    }

    /// The authorities in the file; the system's for an empty path.
    static func trust(_ path: String) throws(ConfigurationFault) -> TrustRoots {
        guard !path.isEmpty else { return .system }
        do {
            return try TrustRoots.file(path)
        } catch {
            throw ConfigurationFault(error)
        }
    }

    /// `nil` for an empty path, which means none.
    static func stateFile(_ path: String) throws(ConfigurationFault) -> String? {
        guard !path.isEmpty else { return nil }
        guard !path.utf8.contains(0) else { throw ConfigurationFault("is not a path: it contains a zero byte") }
        let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        guard !name.isEmpty, name != ".", name != ".." else {
            throw ConfigurationFault("names a directory; write the path of a file")
        }
        let parent = String(path.dropLast(name.count))
        let directory = parent.isEmpty ? "." : parent
        guard fileType(directory) == S_IFDIR else {
            throw ConfigurationFault("names a file in a directory that does not exist; make the directory first")
        }
        switch fileType(path) {
        case nil: break
        case S_IFREG?:
            guard access(path, R_OK | W_OK) == 0 else {
                throw ConfigurationFault("names a file that this user may not read and write")
            }
        case S_IFDIR?: throw ConfigurationFault("names a directory; write the path of a file")
        default: throw ConfigurationFault("does not name a regular file")
        }
        // SQLite keeps its log beside the file.
        guard access(directory, W_OK | X_OK) == 0 else {
            throw ConfigurationFault("names a file in a directory that this user may not write to")
        }
        return path
    }

    private static func fileType(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}

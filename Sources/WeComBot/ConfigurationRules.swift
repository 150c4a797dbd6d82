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

    static func mode(_ mode: Configuration.Mode) throws(ConfigurationFault) -> Configuration.Mode {
        guard mode == .longConnection else {
            throw ConfigurationFault(
                "\(mode) is not available in this version; write \(Configuration.Mode.longConnection)"
            )
        }
        return mode
    }

    static func mode(named name: String) throws(ConfigurationFault) -> Configuration.Mode {
        guard let mode = Configuration.Mode(name: name.trimmed) else {
            throw ConfigurationFault("is not a known mode; write \(Configuration.Mode.longConnection)")
        }
        return try ConfigurationRules.mode(mode)
    }

    static func heartbeat(_ interval: Duration) throws(ConfigurationFault) -> Duration {
        guard Configuration.heartbeatLimits.contains(interval) else {
            let seconds = interval / .seconds(1)
            let shown = Int(exactly: seconds).map(String.init) ?? String(seconds)
            throw ConfigurationFault("must be from 1 to 300 seconds, not \(shown)")
        }
        return interval
    }

    static func heartbeat(seconds: Double) throws(ConfigurationFault) -> Duration {
        // `Duration` traps on what it cannot hold, so that the comparison comes first.
        guard (0...1_000_000).contains(seconds) else { throw ConfigurationFault("must be from 1 to 300 seconds") }
        return try heartbeat(.seconds(seconds))
    }

    static func heartbeat(text: String) throws(ConfigurationFault) -> Duration {
        // Double.init would also take "nan", "0x1E" and "3e1".
        let text = text.trimmed
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }), let seconds = Double(text) else {
            throw ConfigurationFault("must be a number of seconds from 1 to 300")
        }
        return try heartbeat(seconds: seconds)
    }

    static func displacementPolicy(named name: String) throws(ConfigurationFault) -> DisplacementPolicy {
        guard let policy = DisplacementPolicy(rawValue: name.trimmed.lowercased()) else {
            let names = DisplacementPolicy.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationFault("is not known; write one of \(names)")
        }
        return policy
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
}

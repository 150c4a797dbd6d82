import Glibc
import LWSTransport
import WeComAIBot

@testable import WeComBot

/// A configuration file, then after a zero byte the environment in the form of `/proc/<pid>/environ`.
enum ConfigurationFuzzing {
    static func run(_ input: [UInt8]) throws(Violation) {
        let parts = input.split(separator: 0, omittingEmptySubsequences: false)
        var environment: [String: String] = [:]
        for entry in parts.dropFirst() {
            let sides = entry.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2 else { continue }
            environment[String(decoding: sides[0], as: UTF8.self)] = String(decoding: sides[1], as: UTF8.self)
        }
        let file = try UnnamedFile(parts.first ?? [])
        let configuration: Configuration
        do {
            configuration = try Configuration.load(file: file.path, environment: environment)
        } catch {
            return try check(error)
        }
        try check(configuration)
    }

    private static func check(_ configuration: Configuration) throws(Violation) {
        var dumped = ""
        dump(configuration.secret, to: &dumped)
        dump(configuration.httpProxy, to: &dumped)
        let isPublic = configuration.httpProxy?.proxy.host.contains(planted) ?? false
        try claim(isPublic || !dumped.contains(planted), "a configuration does not print its secrets")

        let connection: LongConnectionConfiguration
        do {
            connection = try configuration.longConnection()
        } catch {
            throw Violation(description: "not so: what was loaded can be used: \(error)")
        }
        try claim(connection.botID.isOneLine && !connection.botID.isEmpty, "the bot's id is a word")
        try claim(!connection.secret.isEmpty, "there is a secret")
        let limits = Configuration.heartbeatLimits
        try claim(limits.contains(connection.heartbeatInterval), "the heartbeat is within its limits")
    }

    private static func check(_ error: ConfigurationError) throws(Violation) {
        try claim(!error.problems.isEmpty, "an error names a problem")
        for problem in error.problems {
            // A key may be repeated: it tells which line to correct.
            try claim(!problem.message.contains(planted), "a message repeats no value: \(problem.message)")
            try claim(!problem.source.contains(planted), "a source repeats no value: \(problem.source)")
            try claim(problem.description.isOneLine, "a problem is one line")
            try claim(!problem.message.isEmpty, "a problem says what is wrong")
        }
        let lines = error.description.split(separator: "\n", omittingEmptySubsequences: false)
        try claim(lines.count == error.problems.count, "one line per problem")
    }
}

/// A file without a name, with a path for as long as the value lives.
private final class UnnamedFile {
    private let stream: UnsafeMutablePointer<FILE>

    var path: String { "/proc/self/fd/\(fileno(stream))" }

    init(_ bytes: some Collection<UInt8>) throws(Violation) {
        let bytes = Array(bytes)
        guard let stream = tmpfile() else {
            throw Violation(description: "no file: \(String(cString: strerror(errno)))")
        }
        self.stream = stream
        guard fwrite(bytes, 1, bytes.count, stream) == bytes.count, fflush(stream) == 0 else {
            throw Violation(description: "nothing written: \(String(cString: strerror(errno)))")
        }
    }

    deinit { fclose(stream) }
}

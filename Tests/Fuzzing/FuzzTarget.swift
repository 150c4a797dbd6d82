/// What is fuzzed. `make fuzz` runs each with inputs that libFuzzer makes up, `make test` with those that are kept.
enum FuzzTarget: String, CaseIterable, Sendable {
    /// Bytes from the gateway.
    case frames
    /// Requests to the callback address.
    case callbacks
    /// A configuration file and an environment.
    case configuration
    /// URLs of gateways and proxies, and lists of exceptions.
    case addresses
    /// What a handler writes, and when.
    case answers
    /// Names of downloads.
    case dispositions
    /// Addresses of media, redirects, and origins that are allowed.
    case media

    /// Feeds one input, and throws if what comes out is not what must come out of every input.
    func run(_ input: [UInt8]) throws(Violation) {
        switch self {
        case .frames: try FrameFuzzing.run(input)
        case .callbacks: try CallbackFuzzing.run(input)
        case .configuration: try ConfigurationFuzzing.run(input)
        case .addresses: try AddressFuzzing.run(input)
        case .answers: try AnswerFuzzing.run(input)
        case .dispositions: try DispositionFuzzing.run(input)
        case .media: try MediaFuzzing.run(input)
        }
    }

    /// Whether its inputs are JSON up to the first zero byte.
    var startsWithJSON: Bool {
        switch self {
        case .frames, .callbacks, .configuration: true
        case .addresses, .answers, .dispositions, .media: false
        }
    }

    /// Where the inputs that are kept are, under `Fixtures`.
    var corpora: [String] {
        switch self {
        case .frames: ["frames", "fuzz/frames"]
        case .configuration: ["configurations/good", "configurations/bad", "fuzz/configuration"]
        case .callbacks, .addresses, .answers, .dispositions, .media: ["fuzz/\(rawValue)"]
        }
    }
}

/// A value of the file, as far as a setting can use it.
enum ConfigurationValue: Decodable, Hashable {
    case absent
    case text(String)
    case number(Double)
    case flag(Bool)
    /// An array, an object, or a number or string that cannot be represented.
    case other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // The decoder's errors quote what they found, which may be a secret: they decide the case and go no further.
        if container.decodeNil() {
            self = .absent
        } else if let text = ConfigurationValue.attempt({ try container.decode(String.self) }) {
            self = .text(text)
        } else if let flag = ConfigurationValue.attempt({ try container.decode(Bool.self) }) {
            self = .flag(flag)
        } else if let number = ConfigurationValue.attempt({ try container.decode(Double.self) }) {
            self = .number(number)
        } else {
            self = .other
        }
    }

    private static func attempt<Value>(_ decode: () throws -> Value) -> Value? {
        do { return try decode() } catch { return nil }
    }

    /// Whether it sets nothing: `null`, or a string of nothing but white space.
    var isBlank: Bool {
        switch self {
        case .absent: true
        case .text(let text): text.trimmed.isEmpty
        case .number, .flag, .other: false
        }
    }

    /// The string it must be.
    func string() throws(ConfigurationFault) -> String {
        guard case .text(let text) = self else { throw ConfigurationFault("must be a string in quotes") }
        return text
    }
}

/// Changes JSON so that it mostly stays JSON: of bytes changed at random, parsers refuse nearly all, and what is behind the parser
/// is hardly reached.
///
/// It goes by tokens, so that text which is not quite JSON can be changed as well.
struct JSONMutation<Generator: RandomNumberGenerator> {
    private let text: [UInt8]
    /// Strings, words, arrays and objects, but not keys.
    private var values: [Range<Int>] = []
    private var keys: [Range<Int>] = []
    /// Keys with their values.
    private var members: [Range<Int>] = []
    private var generator: Generator

    private static var literals: [String] {
        ["null", "true", "false", "{}", "[]", #""""#, #""0""#, #""-1""#, "0.5", "1e400", "-0", #""\#(planted)""#]
    }
    private static var pieces: [String] {
        [#"\u0000"#, #"\n"#, #"\""#, #"\ud83d\ude00"#, "👨‍👩‍👧", "\u{301}", "\u{2028}", "\u{202E}", " ", "你", ":", "x"]
    }

    /// `text` with one change.
    static func mutated(_ text: [UInt8], using generator: Generator) -> [UInt8] {
        var mutation = JSONMutation(text, generator)
        return mutation.change()
    }

    private init(_ text: [UInt8], _ generator: Generator) {
        self.text = text
        self.generator = generator
        scan()
    }

    private mutating func change() -> [UInt8] {
        guard let value = values.randomElement(using: &generator) else { return text + literal() }
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: return replacing(value, literal())
        case 1, 2: return replacing(value, number())
        case 3: return replacing(value, Array(text[values.randomElement(using: &generator) ?? value]))
        case 4:
            let element = String(decoding: text[value], as: UTF8.self)
            return replacing(
                value,
                Array((Bool.random(using: &generator) ? "[\(element)]" : "[\(element),\(element)]").utf8)
            )
        case 5:
            guard let key = keys.randomElement(using: &generator), let other = keys.randomElement(using: &generator)
            else { return text }
            return replacing(key, Array(text[other]))
        case 6:
            guard let member = members.randomElement(using: &generator) else { return text }
            guard Bool.random(using: &generator), let other = members.randomElement(using: &generator) else {
                return removing(member)
            }
            return replacing(member.upperBound..<member.upperBound, [UInt8(ascii: ",")] + text[other])
        default:
            guard text[value.lowerBound] == UInt8(ascii: "\"") else { return replacing(value, number()) }
            let piece = Self.pieces.randomElement(using: &generator) ?? ""
            let place = value.lowerBound + 1
            return replacing(place..<place, Array(piece.utf8))
        }
    }
}

extension JSONMutation {
    private func replacing(_ range: Range<Int>, _ bytes: [UInt8]) -> [UInt8] {
        text[..<range.lowerBound] + bytes + text[range.upperBound...]
    }

    private func removing(_ member: Range<Int>) -> [UInt8] {
        let comma = UInt8(ascii: ",")
        if text[member.upperBound...].first == comma { return replacing(member.lowerBound..<member.upperBound + 1, []) }
        if text[..<member.lowerBound].last == comma { return replacing(member.lowerBound - 1..<member.upperBound, []) }
        return replacing(member, [])
    }

    private mutating func literal() -> [UInt8] { Array((Self.literals.randomElement(using: &generator) ?? "").utf8) }

    private mutating func number() -> [UInt8] {
        let number =
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: Int.random(in: -9...9, using: &generator)
            case 1: Int.random(in: .min ... .max, using: &generator) >> Int.random(in: 0..<63, using: &generator)
            default: Bool.random(using: &generator) ? Int.max : Int.min
            }
        return Array("\(number)".utf8)
    }

    private mutating func scan() {
        var open: [(start: Int, key: Range<Int>?)] = []
        var key: Range<Int>?
        var position = 0
        func end(from start: Int, while isPart: (UInt8) -> Bool) -> Int {
            text[start...].firstIndex { !isPart($0) } ?? text.count
        }
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        func finish(_ value: Range<Int>) {
            values.append(value)
            if let name = key { members.append(name.lowerBound..<value.upperBound) }
            key = nil
        }
        while position < text.count {
            let start = position
            switch text[start] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                open.append((start, key))
                key = nil
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                position += 1
                guard let (start, name) = open.popLast() else { continue }
                key = name
                finish(start..<position)
            case UInt8(ascii: "\""):
                var isEscaped = false
                position = end(from: start + 1) { byte in
                    defer { isEscaped = !isEscaped && byte == UInt8(ascii: "\\") }
                    return isEscaped || byte != UInt8(ascii: "\"")
                }
                position = min(position + 1, text.count)
                let next = end(from: position, while: isSpace)
                if next < text.count, text[next] == UInt8(ascii: ":") {
                    key = start..<position
                    keys.append(start..<position)
                } else {
                    finish(start..<position)
                }
            case let byte where isSpace(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":"):
                position += 1
            default:
                position = end(from: start) { !isSpace($0) && !Array(",:{}[]\"".utf8).contains($0) }
                finish(start..<position)
            }
        }
    }
}

import FoundationEssentials

/// Reading what the server may have changed without notice: a field that is missing, null or of the wrong type is simply
/// not there. The frame's raw bytes still have it.
extension KeyedDecodingContainer {
    /// The value, if there is one of that type.
    func tolerant<Value: Decodable>(_ type: Value.Type, _ key: Key) -> Value? {
        do {
            return try decodeIfPresent(type, forKey: key)
        } catch {
            return nil
        }
    }

    /// A string, or a number where the server wrote an id as a number.
    func tolerantString(_ key: Key) -> String? {
        tolerant(String.self, key) ?? tolerant(Int.self, key).map(String.init)
    }

    /// A number, also when it is written as a string of digits.
    func tolerantInt(_ key: Key) -> Int? {
        tolerant(Int.self, key) ?? tolerant(String.self, key).flatMap { Int($0) }
    }

    /// The elements that can be read; one that cannot is left out.
    func tolerantArray<Element: Decodable>(of type: Element.Type, _ key: Key) -> [Element] {
        tolerant([Tolerant<Element>].self, key)?.compactMap(\.value) ?? []
    }
}

/// A value that may be anything at all: `nil` when it is not a `Value`.
struct Tolerant<Value: Decodable>: Decodable {
    let value: Value?

    init(from decoder: any Decoder) {
        do {
            value = try Value(from: decoder)
        } catch {
            value = nil
        }
    }
}

extension JSONDecoder {
    /// Reads an object. Foundation would guess at other encodings; the platform's is UTF-8.
    ///
    /// - Parameter name: What the bytes are, with its article, for the error.
    /// - Throws: `WireError` if they are not UTF-8, not JSON, or not an object.
    func decode<Value: Decodable>(
        _ type: Value.Type,
        fromText bytes: [UInt8],
        called name: String
    ) throws(WireError) -> Value {
        guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else {
            throw WireError(.notUTF8, "\(name) of \(bytes.count) bytes is not UTF-8 text")
        }
        do {
            return try decode(type, from: Data(bytes))
        } catch DecodingError.typeMismatch {
            throw WireError(.notAnObject, "\(name) of \(bytes.count) bytes is JSON but not an object")
        } catch {
            throw WireError(.notJSON, "\(name) of \(bytes.count) bytes is not JSON that can be parsed")
        }
    }
}

internal import Glibc

/// A form as the service reads it (RFC 7578): its parts, or why it is none.
struct MultipartBody {
    /// One field.
    struct Part {
        /// In lower case.
        let headers: [String: String]
        let content: [UInt8]

        /// A parameter of its `Content-Disposition`, which must be in quotation marks.
        func parameter(_ name: String) -> String? {
            // Every other piece is between quotation marks, where a semicolon separates nothing.
            let pieces = headers["content-disposition"]?.split(separator: "\"", omittingEmptySubsequences: false) ?? []
            guard pieces.count % 2 == 1, pieces.last == "" else { return nil }
            for index in stride(from: 0, to: pieces.count - 1, by: 2)
            where pieces[index].split(separator: ";").last?.drop(while: { $0 == " " }) == "\(name)=" {
                return String(pieces[index + 1])
            }
            return nil
        }
    }

    struct Malformed: Error {
        let description: String
    }

    let parts: [Part]

    init(_ body: [UInt8], contentType: String) throws(Malformed) {
        let prefix = "multipart/form-data; boundary="
        guard contentType.lowercased().hasPrefix(prefix) else {
            throw Malformed(description: "no form with a boundary")
        }
        let boundary = contentType.dropFirst(prefix.count)
        guard (1...70).contains(boundary.utf8.count) else {
            throw Malformed(description: "a boundary must have 1 to 70 bytes")
        }
        let mark = Array("--\(boundary)".utf8)
        guard body.starts(with: mark) else { throw Malformed(description: "the body does not begin with the boundary") }
        var rest = body[mark.count...]
        var parts: [Part] = []
        while !rest.starts(with: Array("--\r\n".utf8)) {
            guard rest.starts(with: Array("\r\n".utf8)),
                let end = rest.range(of: Array("\r\n".utf8) + mark)
            else {
                throw Malformed(description: "a part has no end")
            }
            parts.append(try Part(rest[(rest.startIndex + 2)..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        guard rest.count == 4 else { throw Malformed(description: "something follows the last boundary") }
        self.parts = parts
    }
}

extension MultipartBody.Part {
    init(_ bytes: ArraySlice<UInt8>) throws(MultipartBody.Malformed) {
        guard let end = bytes.range(of: Array("\r\n\r\n".utf8)) else {
            throw MultipartBody.Malformed(description: "a part has no headers")
        }
        guard let head = String(validating: bytes[..<end.lowerBound], as: UTF8.self) else {
            throw MultipartBody.Malformed(description: "headers that are not UTF-8")
        }
        var headers: [String: String] = [:]
        for line in head.split(separator: "\r\n") {
            let field = line.split(separator: ":", maxSplits: 1)
            guard field.count == 2 else { throw MultipartBody.Malformed(description: "a header without a colon") }
            headers[field[0].lowercased()] = String(field[1].drop { $0 == " " })
        }
        self.init(headers: headers, content: Array(bytes[end.upperBound...]))
    }
}

extension ArraySlice<UInt8> {
    /// Where some bytes are first. Files are large.
    fileprivate func range(of bytes: [UInt8]) -> Range<Int>? {
        withUnsafeBytes { buffer -> Range<Int>? in
            guard let base = buffer.baseAddress, let first = bytes.first else { return nil }
            var offset = 0
            while buffer.count - offset >= bytes.count,
                let found = memchr(base + offset, Int32(first), buffer.count - offset - bytes.count + 1)
            {
                offset = base.distance(to: found)
                if memcmp(found, bytes, bytes.count) == 0 {
                    return startIndex + offset..<startIndex + offset + bytes.count
                }
                offset += 1
            }
            return nil
        }
    }
}

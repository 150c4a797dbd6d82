/// Takes an HTTP/1.1 response apart as it comes (RFC 9112). Pure: bytes in, events out.
struct HTTPResponseParser {
    enum Event {
        case head(status: Int, headers: [(name: String, value: String)])
        case body([UInt8])
        /// The response is complete; what comes after it is ignored.
        case end
    }

    enum Fault: Error, Equatable {
        case notHTTP(String)
        case headersTooLarge
        case bodyTooLarge
        case incomplete
    }

    private enum State {
        case statusLine
        case fields
        case sized(left: Int)
        case untilClose
        case chunkSize
        case chunk(left: Int)
        case chunkEnd
        case trailers
        case ended
    }

    private enum Framing {
        case none
        case sized(Int)
        case chunked
        case untilClose
    }

    /// More than any sender has reason for: 16 digits and an extension.
    static let maximumChunkLineBytes = 256

    private let expectsBody: Bool
    private let maximumHeaderBytes: Int
    private let maximumBodyBytes: Int
    private var state = State.statusLine
    private var line: [UInt8] = []
    private var headerBytes = 0
    private var bodyBytes = 0
    private var status = 0
    private var headers: [(name: String, value: String)] = []

    /// - Parameter expectsBody: False for the answer to HEAD or CONNECT, which has none whatever its headers say.
    init(expectsBody: Bool, maximumHeaderBytes: Int, maximumBodyBytes: Int) {
        self.expectsBody = expectsBody
        self.maximumHeaderBytes = maximumHeaderBytes
        self.maximumBodyBytes = maximumBodyBytes
    }

    /// Takes what came; the events before a fault are in `events` all the same.
    mutating func append(_ bytes: UnsafeRawBufferPointer, to events: inout [Event]) throws(Fault) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch state {
            case .statusLine, .fields, .trailers, .chunkSize, .chunkEnd:
                guard try takeLine(&rest) else { return }
                try endLine(&events)
            case .sized(let left):
                try takeBody(&rest, atMost: left, &events)
                if case .sized(0) = state { end(&events) }
            case .chunk(let left): try takeBody(&rest, atMost: left, &events)
            case .untilClose: try takeBody(&rest, atMost: .max, &events)
            case .ended: return
            }
        }
    }

    /// The peer has said that nothing more comes.
    mutating func finish(_ events: inout [Event]) throws(Fault) {
        switch state {
        case .untilClose: end(&events)
        case .ended: break
        default: throw .incomplete
        }
    }

    private mutating func end(_ events: inout [Event]) {
        state = .ended
        events.append(.end)
    }

    // MARK: - Body

    private mutating func takeBody(
        _ rest: inout Slice<UnsafeRawBufferPointer>,
        atMost left: Int,
        _ events: inout [Event]
    )
        throws(Fault)
    {
        let piece = rest.prefix(left)
        guard piece.count <= maximumBodyBytes - bodyBytes else { throw .bodyTooLarge }
        bodyBytes += piece.count
        rest = rest.dropFirst(piece.count)
        events.append(.body(Array(piece)))
        switch state {
        case .sized: state = .sized(left: left - piece.count)
        case .chunk: state = left == piece.count ? .chunkEnd : .chunk(left: left - piece.count)
        default: break
        }
    }

    private mutating func chunkBegins() throws(Fault) {
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 && $0 != 0x09 }
        // Int.init would also take a sign.
        guard !digits.isEmpty, digits.allSatisfy({ isHexadecimal($0) }) else {
            throw .notHTTP("a chunk of the body has no size")
        }
        let significant = digits.drop { $0 == UInt8(ascii: "0") }
        guard let size = significant.isEmpty ? 0 : Int(String(decoding: significant, as: UTF8.self), radix: 16),
            size <= maximumBodyBytes - bodyBytes
        else { throw .bodyTooLarge }
        state = size == 0 ? .trailers : .chunk(left: size)
    }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        case UInt8(ascii: "A")...UInt8(ascii: "F"): true
        default: false
        }
    }

    // MARK: - Lines

    /// Whether a line is complete in `line`, without its end.
    private mutating func takeLine(_ rest: inout Slice<UnsafeRawBufferPointer>) throws(Fault) -> Bool {
        let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n"))
        let taken = lineEnd.map { rest[...$0] } ?? rest
        rest = rest.dropFirst(taken.count)
        switch state {
        case .chunkSize, .chunkEnd:
            guard taken.count <= Self.maximumChunkLineBytes - line.count else {
                throw .notHTTP("the line between two chunks of the body is too long")
            }
        default:
            guard taken.count <= maximumHeaderBytes - headerBytes else { throw .headersTooLarge }
            headerBytes += taken.count
        }
        line.append(contentsOf: taken)
        if case .statusLine = state, !"HTTP/1.".utf8.starts(with: line.prefix(7)) {
            throw .notHTTP("it does not begin with HTTP/1.")
        }
        guard lineEnd != nil else { return false }
        line.removeLast()
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard !line.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\r") }) else {
            throw .notHTTP("a line has a control character")
        }
        return true
    }

    private mutating func endLine(_ events: inout [Event]) throws(Fault) {
        defer { line.removeAll(keepingCapacity: true) }
        switch state {
        case .statusLine: try statusLineEnds()
        case .fields: if line.isEmpty { try headEnds(&events) } else { try fieldEnds() }
        case .trailers: if line.isEmpty { end(&events) }
        case .chunkSize: try chunkBegins()
        case .chunkEnd:
            guard line.isEmpty else { throw .notHTTP("a chunk of the body is longer than its size") }
            state = .chunkSize
        default: break
        }
    }

    /// `HTTP/1.1 200 OK`, where the words may be missing.
    private mutating func statusLineEnds() throws(Fault) {
        let parts = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].count == 8, parts[0].suffix(1).allSatisfy(isDigit), parts[1].count == 3,
            parts[1].allSatisfy(isDigit), let status = Int(String(decoding: parts[1], as: UTF8.self)),
            (100...599).contains(status)
        else { throw .notHTTP("its first line has no status") }
        self.status = status
        state = .fields
    }

    private mutating func fieldEnds() throws(Fault) {
        if line[0] == 0x20 || line[0] == 0x09 {
            // RFC 9112 5.2: an old way to go on in the next line.
            guard let last = headers.popLast() else { throw .notHTTP("its first header has no name") }
            return headers.append((last.name, last.value + " " + Self.text(line[...])))
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            line[..<colon].allSatisfy(HTTPField.isTokenByte)
        else { throw .notHTTP("a header has no valid name") }
        headers.append((String(decoding: line[..<colon], as: UTF8.self), Self.text(line[(colon + 1)...])))
    }

    /// Without the blanks at both ends.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        var bytes = bytes.drop(while: isBlank)
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return String(validating: bytes, as: UTF8.self)
            ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    private mutating func headEnds(_ events: inout [Event]) throws(Fault) {
        guard status >= 200 else {
            guard status != 101 else { throw .notHTTP("it changes to another protocol") }
            headers = []
            state = .statusLine
            return
        }
        let framing = try framing()
        if case .sized(let length) = framing, length > maximumBodyBytes { throw .bodyTooLarge }
        events.append(.head(status: status, headers: headers))
        switch framing {
        case .none, .sized(0): end(&events)
        case .sized(let length): state = .sized(left: length)
        case .chunked: state = .chunkSize
        case .untilClose: state = .untilClose
        }
    }

    /// RFC 9112 6.3.
    private func framing() throws(Fault) -> Framing {
        guard expectsBody, status != 204, status != 304 else { return .none }
        let codings = items(of: "transfer-encoding")
        if !codings.isEmpty {
            guard codings.map({ $0.lowercased() }) == ["chunked"] else {
                throw .notHTTP("it has a transfer coding that was not asked for")
            }
            return .chunked
        }
        let lengths = Set(items(of: "content-length"))
        guard let length = lengths.first else { return .untilClose }
        guard lengths.count == 1, !length.isEmpty, length.utf8.allSatisfy(isDigit) else {
            throw .notHTTP("it has no valid content-length")
        }
        return .sized(Int(length) ?? .max)
    }

    /// The comma-separated items of every header of that name.
    private func items(of name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name }.flatMap { header in
            header.value.split(separator: ",", omittingEmptySubsequences: false).map { Self.text(Array($0.utf8)[...]) }
        }
    }
}

internal import BotCore
internal import LWSTransport

/// Where media are: an http or https URL, in one spelling.
struct MediaAddress: ServerEndpoint {
    /// `http` or `https`.
    let scheme: String
    /// A name in lower case, or an IP address without brackets.
    let host: String
    let port: UInt16
    /// Path and query, percent-encoded; it begins with `/`.
    let target: String

    /// Reads a URL. What browsers would percent-encode is; a fragment is left out.
    ///
    /// - Throws: ``MediaError/Code/schemeRefused`` if it is another scheme's, ``MediaError/Code/userInfoRefused``, or else
    ///   ``MediaError/Code/invalidAddress``. No message repeats any of it.
    init(_ text: String) throws(MediaError) {
        guard let scheme = Self.scheme(of: text) else { throw Self.invalid("it is not a whole URL") }
        guard ["http", "https"].contains(scheme) else {
            throw MediaError(.schemeRefused, "media are fetched from https addresses only, not from another scheme's")
        }
        let url: ServerURL
        do throws(TransportError) {
            url = try ServerURL(Self.encoded(text), maximumPathBytes: HTTPEndpoint.maximumPathBytes)
        } catch {
            throw Self.invalid("it \(error.message)")
        }
        guard url.userInfo == nil else {
            throw MediaError(.userInfoRefused, "the address has a user or password in it, which media's never have")
        }
        self.scheme = scheme
        host = Self.normal(host: url.host)
        port = url.port ?? (scheme == "https" ? 443 : 80)
        target = url.path.isEmpty ? "/" : url.path
    }

    /// The address that a `Location` header names (RFC 9110 10.2.2).
    ///
    /// - Throws: As ``init(_:)``.
    func redirected(to location: String) throws(MediaError) -> MediaAddress {
        if Self.scheme(of: location) != nil { return try MediaAddress(location) }
        if location.hasPrefix("//") { return try MediaAddress("\(scheme):\(location)") }
        let path = target.prefix { $0 != "?" }
        switch location.utf8.first {
        case nil, UInt8(ascii: "#"): return self
        case UInt8(ascii: "/"): return try MediaAddress(origin + location)
        case UInt8(ascii: "?"): return try MediaAddress(origin + path + location)
        default:
            let directory = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
            return try MediaAddress(origin + directory + location)
        }
    }

    var isSecure: Bool { scheme == "https" }

    /// `scheme://host:port`.
    private var origin: String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// The whole URL; it may be signed.
    var url: String { origin + target }

    /// The last part of the path if it looks like the name of a file.
    var fileName: String? {
        let path = target.prefix { $0 != "?" }
        let component = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        guard let name = PercentEncoding.decode(String(component)).flatMap(FileName.safe),
            let dot = name.lastIndex(of: "."), (2...6).contains(name[dot...].utf8.count),
            name[dot...].dropFirst().allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
        else { return nil }
        return name
    }

    /// In lower case; `nil` if the text has none (RFC 3986 3.1).
    static func scheme(of text: String) -> String? {
        let end = text.utf8.firstIndex { !isSchemeByte($0) } ?? text.endIndex
        guard end < text.endIndex, text.utf8[end] == UInt8(ascii: ":"), end > text.startIndex,
            text.utf8.first.map(isLetter) == true
        else { return nil }
        return text[..<end].lowercased()
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || (0x30...0x39).contains(byte) || "+-.".utf8.contains(byte)
    }

    /// One spelling for each address, so that origins can be compared.
    static func normal(host: String) -> String {
        guard let bytes = PublicAddress.bytes(of: host), bytes.count == 16 else { return host.lowercased() }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        return groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// Without its fragment, and with spaces and what is not ASCII behind the authority percent-encoded.
    private static func encoded(_ text: String) -> String {
        let text = text.utf8.prefix { $0 != UInt8(ascii: "#") }
        // The third slash ends the authority, or a question mark behind the second.
        var slashes = 0
        var isBehindAuthority = false
        var bytes: [UInt8] = []
        for byte in text {
            if byte == UInt8(ascii: "/") { slashes += 1 }
            if slashes == 3 || (slashes == 2 && byte == UInt8(ascii: "?")) { isBehindAuthority = true }
            if isBehindAuthority, byte == 0x20 || byte >= 0x80 {
                bytes += PercentEncoding.encode(byte)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func invalid(_ reason: String) -> MediaError {
        MediaError(.invalidAddress, "the address in the message cannot be used: \(reason)")
    }
}

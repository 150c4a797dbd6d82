import FoundationEssentials
import Glibc

/// The settings in a JSON file.
struct ConfigurationFile {
    /// Far more than any configuration needs; keeps a wrong path from filling the memory.
    static let maximumBytes = 1 << 20

    let values: [String: ConfigurationValue]

    /// Reads the file at `path`.
    init(path: String) throws(ConfigurationFault) {
        try self.init(bytes: ConfigurationFile.contents(of: path, maximumBytes: ConfigurationFile.maximumBytes))
    }

    init(bytes: [UInt8]) throws(ConfigurationFault) {
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let bytes = bytes.starts(with: byteOrderMark) ? bytes.dropFirst(byteOrderMark.count) : bytes[...]
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw ConfigurationFault("names a file that is not UTF-8 text; save it as UTF-8")
        }
        do {
            values = try JSONDecoder().decode([String: ConfigurationValue].self, from: Data(bytes))
        } catch DecodingError.typeMismatch {
            throw ConfigurationFault("names a file that does not hold one JSON object: {\"key\": value, …}")
        } catch {
            // Not the decoder's words: they may quote a secret.
            let line = ConfigurationSyntax.firstErrorLine(in: Array(bytes)).map { " (see line \($0))" } ?? ""
            throw ConfigurationFault("names a file that is not valid JSON\(line)")
        }
    }

    /// The bytes of a regular file.
    static func contents(of path: String, maximumBytes: Int) throws(ConfigurationFault) -> [UInt8] {
        guard !path.utf8.contains(0) else { throw ConfigurationFault("is not a path: it contains a zero byte") }
        // Non-blocking: a named pipe without a writer would keep open(2) waiting.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ConfigurationFault(complaint(errno)) }
        defer { close(descriptor) }

        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw ConfigurationFault(complaint(errno)) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw ConfigurationFault("names a directory; write the path of a file")
        default: throw ConfigurationFault("does not name a regular file")
        }

        var bytes: [UInt8] = []
        var failure: Int32 = 0
        // Not the size of fstat: the file may grow, and those of /proc have none.
        while bytes.count <= maximumBytes, failure == 0 {
            let chunk = [UInt8](unsafeUninitializedCapacity: min(1 << 16, maximumBytes + 1 - bytes.count)) {
                let count = read(descriptor, $0.baseAddress, $0.count)
                if count < 0 { failure = errno }
                $1 = max(0, count)
            }
            if failure == EINTR { failure = 0; continue }
            if chunk.isEmpty { break }
            bytes += chunk
        }
        guard failure == 0 else { throw ConfigurationFault(complaint(failure)) }
        guard bytes.count <= maximumBytes else {
            throw ConfigurationFault("names a file of more than \(maximumBytes) bytes")
        }
        return bytes
    }

    private static func complaint(_ code: Int32) -> String {
        switch code {
        case ENOENT, ENOTDIR: "names a file that does not exist"
        case EACCES, EPERM: "names a file that this user may not read"
        default: "names a file that cannot be read: \(String(cString: strerror(code)))"
        }
    }
}

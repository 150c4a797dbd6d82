internal import BotCore
internal import BotCrypto
internal import BotFoundation
internal import Glibc

/// The bytes of an upload, read piece by piece, so that a large file takes no memory.
///
/// Reading blocks: on a thread that may.
final class UploadContent: Sendable {
    /// How many bytes there are.
    let count: Int
    private let source: Source

    private enum Source {
        case bytes([UInt8])
        case file(descriptor: Int32, path: String, stamp: Stamp)
    }

    /// What changes when a file does.
    private struct Stamp: Hashable {
        let size: Int
        let seconds: Int
        let nanoseconds: Int

        init(_ status: stat) {
            size = Int(status.st_size)
            seconds = Int(status.st_mtim.tv_sec)
            nanoseconds = Int(status.st_mtim.tv_nsec)
        }
    }

    /// How much of a file is in memory while its checksum is made.
    private static let pieceBytes = 256 * 1_024

    /// Opens it.
    ///
    /// - Throws: ``UploadError`` with code `unreadable`.
    init(_ source: UploadSource) throws(UploadError) {
        switch source {
        case .bytes(let bytes):
            count = bytes.count
            self.source = .bytes(bytes)
        case .file(let path):
            // Without waiting for whoever writes to a pipe; only what is a file is read.
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { throw Self.unreadable(path) }
            var status = stat()
            guard fstat(descriptor, &status) == 0 else {
                let error = Self.unreadable(path)
                close(descriptor)
                throw error
            }
            guard status.st_mode & S_IFMT == S_IFREG else {
                close(descriptor)
                throw UploadError(.unreadable, "\(path) cannot be uploaded: it is not a file")
            }
            count = Int(status.st_size)
            self.source = .file(descriptor: descriptor, path: path, stamp: Stamp(status))
        }
    }

    deinit { if case .file(let descriptor, _, _) = source { close(descriptor) } }

    /// Some of the bytes.
    ///
    /// - Throws: ``UploadError`` with code `unreadable`, or `changed` if the file is not as it was when it was opened.
    func read(_ range: Range<Int>) throws(UploadError) -> [UInt8] {
        switch source {
        case .bytes(let bytes):
            return Array(bytes[range])
        case .file(let descriptor, let path, let stamp):
            var bytes = [UInt8](repeating: 0, count: range.count)
            var filled = 0
            while filled < bytes.count {
                let read = bytes[filled...].withUnsafeMutableBytes {
                    pread(descriptor, $0.baseAddress, $0.count, off_t(range.lowerBound + filled))
                }
                if read < 0, errno == EINTR { continue }
                guard read >= 0 else { throw Self.unreadable(path) }
                guard read > 0 else { break }
                filled += read
            }
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw Self.unreadable(path) }
            guard filled == bytes.count, Stamp(status) == stamp else {
                throw UploadError(
                    .changed,
                    "\(path) changed while it was uploaded; upload it again when it is complete"
                )
            }
            return bytes
        }
    }

    /// The MD5 of all of it; nil where the system forbids MD5, because the platform can do without.
    func checksum() throws(UploadError) -> String? {
        let pieces = stride(from: 0, to: count, by: Self.pieceBytes)
        guard let checksum = Self.permitted({ () throws(CryptoError) in try MD5Checksum() }) else { return nil }
        for start in pieces {
            let piece = try read(start..<min(count, start + Self.pieceBytes))
            guard Self.permitted({ () throws(CryptoError) in try checksum.update(piece) }) != nil else { return nil }
        }
        return Self.permitted { () throws(CryptoError) in try checksum.finish() }
    }

    private static func permitted<Value>(_ body: () throws(CryptoError) -> Value) -> Value? {
        do { return try body() } catch { return nil }
    }

    private static func unreadable(_ path: String) -> UploadError {
        UploadError(.unreadable, "\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
}

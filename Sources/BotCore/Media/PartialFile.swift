internal import Glibc

/// A file that is not complete yet, under a name that nobody looks for. Released before it is published, it is gone.
final class PartialFile {
    private let path: String
    private let descriptor: Int32
    private var isPublished = false

    /// Begins one that is to stand at `path`.
    convenience init(beside path: String) throws(MediaError) {
        let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[path.utf8.index(after: $0)...] } ?? path[...]
        let directory = name.startIndex == path.startIndex ? "." : String(path[..<name.startIndex])
        var status = stat()
        let isDirectory = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        guard !name.isEmpty, !path.utf8.contains(0), !isDirectory else {
            throw MediaError(.fileFailed, "the path does not name a file: name one, or save in the directory")
        }
        try self.init(in: directory)
    }

    /// Begins one in a directory.
    init(in directory: String) throws(MediaError) {
        let parent = directory.hasSuffix("/") ? directory : directory + "/"
        path = parent + ".\(String(UInt64.random(in: .min ... .max), radix: 36)).part"
        guard !directory.utf8.contains(0) else { throw MediaError(.fileFailed, "the path contains a zero byte") }
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("made in that directory") }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        if !isPublished { unlink(path) }
    }

    /// Adds to it.
    func write(_ bytes: [UInt8]) throws(MediaError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("written") }
            written += count
        }
    }

    /// Puts it in its place, where another file may be.
    func publish(as target: String) throws(MediaError) {
        guard rename(path, target) == 0 else { throw Self.failure("put in its place") }
        isPublished = true
    }

    /// Puts it into a directory under that name, or that name with a number.
    ///
    /// - Returns: The path.
    func publish(named name: String, in directory: String) throws(MediaError) -> String {
        let parent = directory.hasSuffix("/") ? directory : directory + "/"
        for number in 1...10_000 {
            let target = parent + (number == 1 ? name : FileName.numbered(name, number))
            // Taken first and then replaced, so that nothing that another process makes meanwhile is lost.
            let placeholder = open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard placeholder >= 0 else {
                if errno == EEXIST { continue }
                throw Self.failure("made in that directory")
            }
            close(placeholder)
            do {
                try publish(as: target)
            } catch {
                unlink(target)
                throw error
            }
            return target
        }
        throw MediaError(.fileFailed, "the file could not be made: the directory has too many of that name")
    }

    private static func failure(_ what: String) -> MediaError {
        MediaError(.fileFailed, "the file could not be \(what): \(String(cString: strerror(errno)))")
    }
}

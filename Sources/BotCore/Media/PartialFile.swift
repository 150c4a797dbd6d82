internal import Glibc

/// A file that is not complete yet. Released before it is published, it is gone.
///
/// It has no name, so that it is gone too if the process is killed; or, where the file system cannot do that, one that nobody looks for.
final class PartialFile {
    /// `O_TMPFILE` (open(2)), whose name does not reach Swift: the same on x86-64 and arm64.
    private static let nameless = O_DIRECTORY | 0o20_000_000

    /// Where it is if it has a name, or gets one on the way to its own.
    private let path: String
    private let descriptor: Int32
    private let isNameless: Bool
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
    ///
    /// - Parameter mayBeNameless: For a test of file systems where none can be.
    init(in directory: String, mayBeNameless: Bool = true) throws(MediaError) {
        let parent = directory.hasSuffix("/") ? directory : directory + "/"
        path = parent + ".\(String(UInt64.random(in: .min ... .max), radix: 36)).part"
        guard !directory.utf8.contains(0) else { throw MediaError(.fileFailed, "the path contains a zero byte") }
        if mayBeNameless, let descriptor = Self.openNameless(in: parent) {
            (self.descriptor, isNameless) = (descriptor, true)
            return
        }
        isNameless = false
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("made in that directory") }
    }

    /// `nil` where a file without a name cannot be made, or could not get one.
    private static func openNameless(in directory: String) -> Int32? {
        let descriptor = open(directory, O_WRONLY | nameless | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        guard access(link(to: descriptor), F_OK) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func link(to descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        if !isNameless, !isPublished { unlink(path) }
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
        // What has no name cannot replace anything.
        guard !isNameless || getName(path) else { throw Self.failure("put in its place") }
        guard rename(path, target) == 0 else {
            let error = Self.failure("put in its place")
            if isNameless { unlink(path) }
            throw error
        }
        isPublished = true
    }

    /// Gives a file without a name this one, if it is free.
    private func getName(_ name: String) -> Bool {
        linkat(AT_FDCWD, Self.link(to: descriptor), AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0
    }

    /// Puts it into a directory under that name, or that name with a number.
    ///
    /// - Returns: The path.
    func publish(named name: String, in directory: String) throws(MediaError) -> String {
        let parent = directory.hasSuffix("/") ? directory : directory + "/"
        for number in 1...10_000 {
            let target = parent + (number == 1 ? name : FileName.numbered(name, number))
            if isNameless {
                if getName(target) { return target }
            } else {
                // Taken first and then replaced, so that nothing that another process makes meanwhile is lost.
                let placeholder = open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
                if placeholder >= 0 {
                    close(placeholder)
                    do {
                        try publish(as: target)
                    } catch {
                        unlink(target)
                        throw error
                    }
                    return target
                }
            }
            guard errno == EEXIST else { throw Self.failure("made in that directory") }
        }
        throw MediaError(.fileFailed, "the file could not be made: the directory has too many of that name")
    }

    private static func failure(_ what: String) -> MediaError {
        MediaError(.fileFailed, "the file could not be \(what): \(String(cString: strerror(errno)))")
    }
}

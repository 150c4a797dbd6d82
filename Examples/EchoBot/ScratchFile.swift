import FoundationEssentials
import Glibc

/// A file that is not kept: large media go through files, so that they take no memory.
struct ScratchFile: ~Copyable {
    let path = FileManager.default.temporaryDirectory.appending(path: "echo-bot-\(UUID().uuidString)").path()

    /// Writes bytes of which byte i is i * 7 mod 251.
    ///
    /// - Returns: Whether there was room.
    func fill(_ count: Int) -> Bool {
        guard let file = fopen(path, "wxe") else { return false }
        // The pattern begins anew every 251 bytes.
        let piece = (0..<251 * 256).map { UInt8($0 * 7 % 251) }
        var rest = count
        while rest > 0 {
            let written = fwrite(piece, 1, min(rest, piece.count), file)
            guard written > 0 else { break }
            rest -= written
        }
        return fclose(file) == 0 && rest == 0
    }

    deinit {
        // It may never have been made.
        unlink(path)
    }
}

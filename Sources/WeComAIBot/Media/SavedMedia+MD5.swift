public import BotCore

extension SavedMedia {
    /// The MD5 of the file in lower-case hexadecimal, read in pieces, so that a large file takes no memory; see ``DownloadedMedia/md5``.
    /// Empty where the system forbids MD5.
    ///
    /// It blocks until the file is read.
    ///
    /// - Throws: ``MediaError`` with code ``MediaError/Code/fileFailed`` if it cannot be read, or changes meanwhile.
    public func md5() throws(MediaError) -> String {
        do throws(UploadError) {
            return try UploadContent(.file(path: path)).checksum() ?? ""
        } catch {
            throw MediaError(.fileFailed, error.message)
        }
    }
}

extension Attachment {
    /// How many bytes are fetched at most unless told otherwise: 100 MiB, beyond what people can send (100 MB were seen).
    public static let defaultMaximumBytes = 100 << 20

    /// Fetches the content into memory.
    ///
    /// - Parameter maximumBytes: The most bytes it may have.
    /// - Throws: ``MediaError``. Nothing of a content that turns out to be wrong is given out.
    @concurrent public func download(
        maximumBytes: Int = Attachment.defaultMaximumBytes
    ) async throws(MediaError) -> DownloadedMedia {
        var bytes: [UInt8] = []
        let name = try await source.fetch(maximumBytes: maximumBytes) { piece throws(MediaError) in bytes += piece }
        let type = MediaType(of: bytes.prefix(MediaType.headBytes))
        return DownloadedMedia(bytes: bytes, fileName: finalName(name, type), type: type)
    }

    /// Fetches the content into a file, of which only small parts are in memory at any time.
    ///
    /// The file appears when all of it is there and was right, in place of one that was there before; its owner alone can
    /// read it. Whatever goes wrong, also the task's cancellation, nothing is left behind.
    ///
    /// - Parameters:
    ///   - path: The file; its directory must exist.
    ///   - maximumBytes: The most bytes it may have.
    /// - Throws: ``MediaError``.
    @concurrent public func save(
        to path: String,
        maximumBytes: Int = Attachment.defaultMaximumBytes
    ) async throws(MediaError) -> SavedMedia {
        try await save(in: PartialFile(beside: path), maximumBytes) { file, _ throws(MediaError) in
            try file.publish(as: path)
            return path
        }
    }

    /// Fetches the content into a new file in a directory, under the name that it has. If there is a file of that name, a number is
    /// added: `report (2).pdf`.
    ///
    /// Otherwise as ``save(to:maximumBytes:)``.
    ///
    /// - Parameters:
    ///   - directory: Where the file is made; must exist.
    ///   - maximumBytes: The most bytes it may have.
    /// - Throws: ``MediaError``.
    @concurrent public func save(
        in directory: String,
        maximumBytes: Int = Attachment.defaultMaximumBytes
    ) async throws(MediaError) -> SavedMedia {
        try await save(in: PartialFile(in: directory), maximumBytes) { file, name throws(MediaError) in
            try file.publish(named: name, in: directory)
        }
    }

    private func save(
        in file: PartialFile,
        _ maximumBytes: Int,
        publish: (PartialFile, _ name: String) throws(MediaError) -> String
    ) async throws(MediaError) -> SavedMedia {
        var head: [UInt8] = []
        var count = 0
        let name = try await source.fetch(maximumBytes: maximumBytes) { piece throws(MediaError) in
            head += piece.prefix(MediaType.headBytes - head.count)
            count += piece.count
            try file.write(piece)
        }
        let type = MediaType(of: head)
        let fileName = finalName(name, type)
        return SavedMedia(path: try publish(file, fileName), byteCount: count, fileName: fileName, type: type)
    }

    /// The name that came with the content, or else the message's, or else one made of what is known.
    private func finalName(_ name: String?, _ type: MediaType) -> String {
        if let name = name ?? fileName { return name }
        let stem = FileName.safe(kind.rawValue) ?? "file"
        return type.fileExtension.map { "\(stem).\($0)" } ?? stem
    }
}

/// How long speech in AMR is: a frame is 20 ms, and its first byte says how many bytes it has (RFC 4867 5, 3GPP TS 26.101 and 26.201).
enum AMRDuration {
    /// The bytes of a frame by its type, the first one included; 0 for a type that no file has.
    private static let narrowBand = [13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1]
    private static let wideBand = [18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1]

    static let frame = Duration.milliseconds(20)

    /// The duration of a file with one channel; `nil` if that cannot be told, because it is of another kind or damaged.
    static func of(_ bytes: [UInt8]) -> Duration? {
        let kinds = [(Array("#!AMR\n".utf8), narrowBand), (Array("#!AMR-WB\n".utf8), wideBand)]
        guard let (magic, sizes) = kinds.first(where: { bytes.starts(with: $0.0) }) else { return nil }
        var (position, frames) = (magic.count, 0)
        while position < bytes.count {
            let size = sizes[Int(bytes[position] >> 3 & 0x0F)]
            guard size > 0 else { return nil }
            position += size
            frames += 1
        }
        return frame * frames
    }
}

/// The images that bubbles show when they are finished, of all streams together, as they are sent: so much memory and no more.
struct WebhookImages: Sendable {
    private var images: [String: [StreamImage]] = [:]
    /// How much memory they take.
    private(set) var byteCount = 0

    /// The streams that have some.
    var streams: some Collection<String> { images.keys }

    /// Those of a stream, in the order in which they came.
    subscript(stream: String) -> [StreamImage] { images[stream] ?? [] }

    /// Adds one to a stream.
    ///
    /// - Returns: Whether there was room for it.
    mutating func add(_ image: StreamImage, to stream: String, maximumBytes: Int) -> Bool {
        guard byteCount + image.byteCount <= maximumBytes else { return false }
        images[stream, default: []].append(image)
        byteCount += image.byteCount
        return true
    }

    /// Frees those of a stream.
    mutating func remove(of stream: String) {
        byteCount -= images.removeValue(forKey: stream)?.reduce(0) { $0 + $1.byteCount } ?? 0
    }
}

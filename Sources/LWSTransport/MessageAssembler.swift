/// Joins the pieces of a message, up to a limit.
struct MessageAssembler {
    enum Outcome: Equatable {
        case incomplete
        case message(bytes: [UInt8], isText: Bool)
        case tooLarge
    }

    /// The largest message, in bytes.
    let maximumBytes: Int
    private var pending: [UInt8] = []
    private var isText = false
    /// Whether a first piece has come whose message goes on.
    private var isOpen = false

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Takes the next piece. One that continues nothing, or a message that was too large, is dropped.
    mutating func append(_ piece: UnsafeRawBufferPointer, first: Bool, final: Bool, binary: Bool) -> Outcome {
        if first {
            pending.removeAll(keepingCapacity: true)
            isText = !binary
            isOpen = true
        }
        guard isOpen else { return .incomplete }
        guard piece.count <= maximumBytes - pending.count else {
            pending = []
            isOpen = false
            return .tooLarge
        }
        guard final else {
            pending.append(contentsOf: piece)
            return .incomplete
        }
        isOpen = false
        if pending.isEmpty { return .message(bytes: Array(piece), isText: isText) }
        pending.append(contentsOf: piece)
        defer { pending = [] }
        return .message(bytes: pending, isText: isText)
    }
}

import Glibc

/// One direction of a link: what was read on one side and is still to be written on the other.
struct Flow {
    /// No more than this is read ahead, so that a reader that stops is felt by the writer.
    private static let maximumHeld = 256 * 1_024

    /// Pieces and when they are due.
    private var pieces: [(due: ContinuousClock.Instant, bytes: ArraySlice<UInt8>)] = []
    private var held = 0
    /// When the next byte may go, where the rate is limited.
    private var nextByteAt: ContinuousClock.Instant?
    /// Bytes that were written so far.
    private(set) var passed = 0
    /// The side it is read from has sent its FIN.
    private(set) var hasEnded = false
    /// Nothing is read and nothing is written.
    var isFrozen = false
    /// Added to each byte.
    var latency: Duration = .zero
    /// Bytes per second; `nil`: no limit.
    var bandwidth: Int?
    /// The link is cut when so many bytes have passed.
    var cutAt: Int?

    /// Whether more should be read.
    var wantsToRead: Bool { !isFrozen && !hasEnded && held < Self.maximumHeld }
    /// Whether there is nothing left to pass on, ever.
    var isDrained: Bool { hasEnded && pieces.isEmpty }
    /// Whether the cut is due.
    var isCutDue: Bool { cutAt.map { passed >= $0 } ?? false }

    /// When the next byte may be written; `nil` if there is none.
    func nextWrite() -> ContinuousClock.Instant? {
        guard !isFrozen, let first = pieces.first else { return nil }
        return nextByteAt.map { max($0, first.due) } ?? first.due
    }

    /// Reads what there is. Returns false if the connection is broken.
    mutating func read(from descriptor: Int32, into buffer: inout [UInt8], now: ContinuousClock.Instant) -> Bool {
        while wantsToRead {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 {
                hasEnded = true
            } else if count > 0 {
                pieces.append((now + latency, ArraySlice(buffer[0..<count])))
                held += count
            } else if errno == EAGAIN {
                return true
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Writes what is due, up to the cut. Returns false if the connection is broken.
    mutating func write(to descriptor: Int32, now: ContinuousClock.Instant) -> Bool {
        while !isFrozen, let first = pieces.first, let due = nextWrite(), due <= now, !isCutDue {
            var count = first.bytes.count
            if let cutAt { count = min(count, cutAt - passed) }
            // Slices of 20 ms.
            if let bandwidth { count = min(count, max(1, bandwidth / 50)) }
            let written = first.bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress, count, Int32(MSG_NOSIGNAL))
            }
            guard written > 0 else { return errno == EAGAIN || errno == EINTR }
            passed += written
            held -= written
            // A machine that is busy may be late by a little, and makes up for it: the rate is what it was told to be.
            if let bandwidth {
                nextByteAt = max(now - .milliseconds(100), due) + .nanoseconds(written * 1_000_000_000 / bandwidth)
            }
            if written == first.bytes.count {
                pieces.removeFirst()
            } else {
                pieces[0].bytes.removeFirst(written)
            }
        }
        return true
    }
}

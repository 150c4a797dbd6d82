/// PKCS#7 to a multiple of 32 bytes, as the platform pads what it encrypts: 1 to 32 bytes, each of them their number.
///
/// A library's own removal of PKCS#7 goes by the cipher's block of 16 and fails for every number above that.
enum BlockPadding {
    static let unit = 32

    /// The bytes to put behind `count` bytes.
    static func bytes(behind count: Int) -> [UInt8] {
        let missing = unit - count % unit
        return [UInt8](repeating: UInt8(missing), count: missing)
    }

    /// How many bytes at the end of `bytes` are padding; `nil` if they are none.
    static func count(in bytes: some BidirectionalCollection<UInt8>) -> Int? {
        guard let last = bytes.last, (1...UInt8(unit)).contains(last) else { return nil }
        let padding = bytes.suffix(Int(last))
        return padding.count == Int(last) && padding.allSatisfy { $0 == last } ? Int(last) : nil
    }
}

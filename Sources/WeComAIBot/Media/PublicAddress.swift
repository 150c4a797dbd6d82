internal import Glibc

/// Which IP addresses belong to machines on the public internet. Everything else may be a machine that only we can reach, and that
/// somebody makes us ask: a metadata service, an administrator's page, a data base.
enum PublicAddress {
    /// IPv4 that is not public: RFC 6890 and IANA's registry of special-purpose addresses.
    private static let special: [(prefix: [UInt8], bits: Int)] = [
        ([0, 0, 0, 0], 8),  // this network
        ([10, 0, 0, 0], 8),  // private
        ([100, 64, 0, 0], 10),  // carrier-grade NAT; Alibaba's metadata
        ([127, 0, 0, 0], 8),  // loopback
        ([169, 254, 0, 0], 16),  // link-local; the metadata of most clouds
        ([172, 16, 0, 0], 12),  // private
        ([192, 0, 0, 0], 24),  // protocol assignments; Oracle's metadata
        ([192, 0, 2, 0], 24),  // documentation
        ([192, 88, 99, 0], 24),  // 6to4 relays
        ([192, 168, 0, 0], 16),  // private
        ([198, 18, 0, 0], 15),  // benchmarks
        ([198, 51, 100, 0], 24),  // documentation
        ([203, 0, 113, 0], 24),  // documentation
        ([168, 63, 129, 16], 32),  // Azure's platform
        ([224, 0, 0, 0], 4),  // multicast
        ([240, 0, 0, 0], 4),  // reserved, broadcast
    ]

    /// IPv6 inside 2000::/3, the only part that is routed on the internet, that is not public.
    private static let specialGlobal: [(prefix: [UInt8], bits: Int)] = [
        ([0x20, 0x01, 0, 0], 23),  // protocol assignments: Teredo, benchmarks, ORCHID
        ([0x20, 0x01, 0x0D, 0xB8], 32),  // documentation
        ([0x20, 0x02], 16),  // 6to4, which has an IPv4 address inside
        ([0x3F, 0xFF, 0], 20),  // documentation
    ]

    /// Whether the numeric address is public. What is not an address is not.
    static func contains(_ text: String) -> Bool {
        bytes(of: text).map(contains) ?? false
    }

    /// The 4 or 16 bytes of a numeric address.
    static func bytes(of text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        var sixteen = in6_addr()
        if inet_pton(AF_INET6, text, &sixteen) == 1 { return withUnsafeBytes(of: sixteen) { Array($0) } }
        return nil
    }

    /// Whether the address of 4 or 16 bytes is public.
    static func contains(_ address: [UInt8]) -> Bool {
        switch address.count {
        case 4: return !special.contains { matches(address, $0.prefix, $0.bits) }
        case 16:
            // An IPv4 address in other clothes: mapped (RFC 4291), and behind the well-known NAT64 (RFC 6052).
            let isMapped = address.starts(with: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF])
            let isTranslated = address.starts(with: [0, 0x64, 0xFF, 0x9B] + [UInt8](repeating: 0, count: 8))
            if isMapped || isTranslated { return contains(Array(address.suffix(4))) }
            return matches(address, [0x20], 3) && !specialGlobal.contains { matches(address, $0.prefix, $0.bits) }
        default: return false
        }
    }

    private static func matches(_ address: [UInt8], _ prefix: [UInt8], _ bits: Int) -> Bool {
        for (index, byte) in prefix.enumerated() where index * 8 < bits {
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> min(8, bits - index * 8))
            if (address[index] ^ byte) & mask != 0 { return false }
        }
        return true
    }
}

internal import Glibc

/// What the system says about the networks that this machine is on.
package enum NetworkInterfaces {
    /// The addresses of all interfaces that are up and connected, as bytes in network order; without loopback and link-local ones, with
    /// which nothing far away is reached. Empty if the system does not say. It does not wait for anything.
    package static func addresses() -> Set<[UInt8]> {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: Set<[UInt8]> = []
        var next = list
        while let interface = next?.pointee {
            next = interface.ifa_next
            let flags = Int(interface.ifa_flags)
            guard flags & IFF_UP != 0, flags & IFF_RUNNING != 0,
                flags & IFF_LOOPBACK == 0, let address = interface.ifa_addr
            else { continue }
            switch Int32(address.pointee.sa_family) {
            case AF_INET:
                let bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                    withUnsafeBytes(of: pointer.pointee.sin_addr) { Array($0) }
                }
                if !bytes.starts(with: [169, 254]) { found.insert(bytes) }
            case AF_INET6:
                let bytes = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                    withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
                }
                if bytes[0] != 0xfe || bytes[1] & 0xc0 != 0x80 { found.insert(bytes) }
            default: break
            }
        }
        return found
    }
}

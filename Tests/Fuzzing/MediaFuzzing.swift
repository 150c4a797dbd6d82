import BotCore

@testable import LWSTransport
@testable import WeComAIBot

/// A `Content-Disposition` header.
enum DispositionFuzzing {
    static func run(_ input: [UInt8]) throws(Violation) {
        let header = String(decoding: input, as: UTF8.self)
        guard let name = ContentDisposition.fileName(in: header) else { return }
        try claim(!name.isEmpty && name.utf8.count <= FileName.maximumBytes, "a name is not empty and fits")
        try claim(
            !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") },
            "a name is one component"
        )
        try claim(!name.hasPrefix(".") && name != "~", "a name is neither hidden nor a directory")
        try claim(
            name.isOneLine || name.unicodeScalars.contains { (0xE0020...0xE007F).contains($0.value) },
            "a name prints"
        )
        try claim(FileName.safe(name) == name, "a safe name stays as it is")
        let numbered = FileName.numbered(name, 10_000)
        try claim(numbered.utf8.count <= 255, "there is room for a number")
        try claim(!numbered.hasPrefix("."), "a number does not hide a name")
    }
}

/// The address of a medium, where a redirect leads, and an origin that is allowed, with zero bytes between them.
enum MediaFuzzing {
    static func run(_ input: [UInt8]) throws(Violation) {
        let parts = input.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let location = parts.count > 1 ? parts[1] : parts[0]
        let origin = try allowed(parts.count > 2 ? parts[2] : location)
        if let address = try attempt({ () throws(MediaError) in try MediaAddress(parts[0]) }) {
            try check(address, origin)
            if let next = try attempt({ () throws(MediaError) in try address.redirected(to: location) }) {
                try check(next, origin)
            }
        }
    }

    private static func attempt<Value>(_ make: () throws(MediaError) -> Value) throws(Violation) -> Value? {
        do { return try make() } catch {
            let isSilent = error.message.isOneLine && !error.message.contains(planted)
            try claim(isSilent, "an error repeats nothing of the address")
            return nil
        }
    }

    private static func check(_ address: MediaAddress, _ origin: MediaOrigin?) throws(Violation) {
        try claim(["http", "https"].contains(address.scheme), "only HTTP is spoken")
        try claim(address.target.hasPrefix("/") && address.target.isVisibleASCII, "a target fits into a request line")
        let isBare = address.host.utf8.allSatisfy { !"/@#?%[]\\".utf8.contains($0) }
        try claim(isBare && !address.host.isEmpty && address.host.isVisibleASCII, "nothing but a host is in a host")
        try claim(address.host == address.host.lowercased(), "a host has one spelling")
        let again = try attempt { () throws(MediaError) in try MediaAddress(address.url) }
        try claim(again == address, "an address reads back as itself: \(address.url)")
        let endpoint: HTTPEndpoint
        do {
            endpoint = try HTTPEndpoint(address.url)
        } catch {
            throw Violation(description: "not so: the client can ask for \(address.url)")
        }
        try claim(
            endpoint.host == address.host && endpoint.port == address.port,
            "the client asks the host that was checked"
        )
        try claim(
            endpoint.path == address.target && endpoint.isSecure == (address.scheme == "https"),
            "and for nothing else"
        )
        if let name = address.fileName { try claim(FileName.safe(name) == name, "a name in a path is safe") }
        if let numeric = PublicAddress.bytes(of: address.host) {
            let resolved = SocketAddress(host: address.host, port: address.port)
            try claim(resolved?.bytes == numeric, "an address is read as the one that is connected to")
            try claim(
                PublicAddress.contains(numeric) == PublicAddress.contains(address.host),
                "one verdict for each address"
            )
        }
        if let origin, origin.contains(address) {
            let isSame =
                origin.description.hasPrefix("\(address.scheme)://") && origin.description.contains(address.host)
            try claim(isSame, "an origin allows its own scheme and host only")
        }
    }

    private static func allowed(_ text: String) throws(Violation) -> MediaOrigin? {
        let origin: MediaOrigin
        do {
            origin = try MediaOrigin(text)
        } catch {
            let isSilent = error.message.isOneLine && !error.message.contains(planted)
            try claim(isSilent, "an error repeats nothing of the origin")
            return nil
        }
        let again: MediaOrigin
        do { again = try MediaOrigin(origin.description) } catch {
            throw Violation(description: "not so: an origin reads back: \(origin)")
        }
        try claim(again == origin, "an origin reads back as itself: \(origin)")
        try claim(!origin.description.contains("@"), "an origin holds no password")
        return origin
    }
}

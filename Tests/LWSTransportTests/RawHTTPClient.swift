import BotFoundation
import Glibc

/// A TCP connection to an HTTP server that says exactly what a test wants. Reading runs on threads of its own.
final class RawHTTPClient: Sendable {
    private static let threads = ThreadPool(name: "raw-http")
    private let descriptor: Int32

    init(port: UInt16, receiveBuffer: Int32? = nil) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    }

    deinit { close(descriptor) }

    /// Says that nothing more will be sent.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Sends what the kernel takes; a server may have hung up.
    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// What the server sends until `isEnough`, or until it closes.
    func receive(until isEnough: @escaping @Sendable (String) -> Bool) async -> String {
        await withCheckedContinuation { continuation in
            Self.threads.execute { [self] in
                var bytes: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while !isEnough(String(decoding: bytes, as: UTF8.self)) {
                    let count = recv(descriptor, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    bytes += buffer[..<count]
                }
                continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    /// Everything until the server closes, and whether it did so in order rather than by a reset.
    func receiveToTheEnd() async -> (text: String, isInOrder: Bool) {
        await withCheckedContinuation { continuation in
            Self.threads.execute { [self] in
                var (bytes, count) = ([UInt8](), 0)
                var buffer = [UInt8](repeating: 0, count: 65_536)
                repeat {
                    count = recv(descriptor, &buffer, buffer.count, 0)
                    bytes += buffer[..<max(0, count)]
                } while count > 0
                continuation.resume(returning: (String(decoding: bytes, as: UTF8.self), count == 0))
            }
        }
    }

    /// Everything until the server closes.
    func receiveAll() async -> String { await receive { _ in false } }

    /// One response whose body ends with `end`.
    func response(endingWith end: String) async -> String { await receive { $0.hasSuffix(end) } }

    /// How many bytes come until the server closes, without keeping them.
    func countAll() async -> Int {
        await withCheckedContinuation { continuation in
            Self.threads.execute { [self] in
                var total = 0
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { total += count }
                continuation.resume(returning: total)
            }
        }
    }
}

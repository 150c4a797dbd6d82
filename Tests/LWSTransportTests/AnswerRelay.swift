import BotFoundation
import Glibc

/// Stands before a server and holds its first answer back. All of it blocks.
final class AnswerRelay: Sendable {
    private let listener: Int32

    /// Listens at an IPv4 address.
    init(host: String, port: UInt16) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        _ = Self.withAddress(host, port) { bind(listener, $0, $1) }
        listen(listener, 16)
    }

    deinit { close(listener) }

    func accept() -> Int32 { Glibc.accept(listener, nil, nil) }

    /// Connects `client`, once it says something, with the server at `port`. The answer is given to `held`, and goes on when that returns.
    static func run(_ client: Int32, to port: UInt16, _ threads: ThreadPool, held: () -> Void, sent: () -> Void) {
        let request = receive(client)
        guard !request.isEmpty else {
            close(client)
            return
        }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        _ = withAddress("127.0.0.1", port) { connect(server, $0, $1) }
        send(server, request)
        let answer = receive(server)
        held()
        send(client, answer)
        sent()
        threads.execute {
            forward(client, server)
            close(client)
        }
        forward(server, client)
        close(server)
    }

    private static func forward(_ from: Int32, _ to: Int32) {
        while case let bytes = receive(from), !bytes.isEmpty { send(to, bytes) }
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
    }

    private static func receive(_ descriptor: Int32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 65_536) { $1 = max(0, recv(descriptor, $0.baseAddress, 65_536, 0)) }
    }

    private static func send(_ descriptor: Int32, _ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    private static func withAddress<R>(
        _ host: String,
        _ port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

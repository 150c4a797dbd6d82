import BotFoundation
import Glibc
import TestSupport

/// An HTTP proxy on loopback that records what it is asked.
final class TestProxy: Sendable {
    /// What it does with a request.
    enum Behaviour: Sendable {
        /// Connects to a port of this machine, whatever was asked for; but answers 503 to some.
        case tunnel(to: UInt16, except: Set<String> = [])
        /// Answers with a status, then closes.
        case answer(String)
        /// Reads and says nothing.
        case silence
        /// Closes without an answer.
        case hangUp
    }

    let port: UInt16
    /// The heads of all requests.
    let requests = EventRecorder<String>()
    private let listener: Int32
    private let threads = ThreadPool(name: "test-proxy")

    init(_ behaviour: Behaviour, v6: Bool = false) {
        listener = TestProxy.socket(v6: v6)
        port = TestProxy.withLoopback(port: 0, v6: v6) { [listener] address, size in
            var size = size
            _ = bind(listener, address, size)
            _ = listen(listener, 64)
            _ = getsockname(listener, address, &size)
            return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_port.bigEndian }
        }
        threads.execute { [listener, requests, threads] in
            while case let client = accept(listener, nil, nil), client >= 0 {
                threads.execute { TestProxy.serve(client, behaviour, requests, threads) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func serve(_ client: Int32, _ how: Behaviour, _ seen: EventRecorder<String>, _ threads: ThreadPool) {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard let byte = receive(client, 1).first else { break }
            head.append(byte)
        }
        seen.record(String(decoding: head, as: UTF8.self))
        let target = String(decoding: head.split(separator: UInt8(ascii: " ")).dropFirst().first ?? [], as: UTF8.self)
        switch how {
        case .tunnel(_, let unreachable) where unreachable.contains(target):
            send(client, Array("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\ngone".utf8))
        case .tunnel(let port, _):
            let server = socket(v6: false)
            _ = withLoopback(port: port, v6: false) { connect(server, $0, $1) }
            send(client, Array("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n".utf8))
            let done = EventRecorder<Void>()
            for (from, to) in [(client, server), (server, client)] {
                threads.execute {
                    while case let bytes = receive(from, 65_536), !bytes.isEmpty { send(to, bytes) }
                    shutdown(to, Int32(SHUT_WR))
                    done.record(())
                    guard done.events.count == 2 else { return }
                    for descriptor in [client, server] { close(descriptor) }
                }
            }
            return
        case .answer(let status): send(client, Array("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n".utf8))
        case .silence: while !receive(client, 65_536).isEmpty {}
        case .hangUp: break
        }
        close(client)
    }

    private static func receive(_ descriptor: Int32, _ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, received in
            received = max(0, recv(descriptor, buffer.baseAddress, count, 0))
        }
    }

    private static func send(_ descriptor: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { return }
            rest = rest.dropFirst(sent)
        }
    }

    private static func socket(v6: Bool) -> Int32 {
        Glibc.socket(v6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    }

    private typealias Address = UnsafeMutablePointer<sockaddr>

    private static func withLoopback<R>(port: UInt16, v6: Bool, _ body: (Address, socklen_t) -> R) -> R {
        var storage = sockaddr_storage()
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                $0.pointee.sin_family = sa_family_t(AF_INET)
                $0.pointee.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
                $0.pointee.sin_port = port.bigEndian
            }
            if v6 {
                pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    $0.pointee = sockaddr_in6()
                    $0.pointee.sin6_family = sa_family_t(AF_INET6)
                    $0.pointee.sin6_addr = in6addr_loopback
                    $0.pointee.sin6_port = port.bigEndian
                }
            }
            let size = v6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
            return pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
        }
    }
}

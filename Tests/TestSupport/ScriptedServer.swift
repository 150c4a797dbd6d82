internal import BotFoundation
internal import Glibc

/// A TCP server that does with each connection what a script says, on threads of its own.
package final class ScriptedServer: Sendable {
    /// One accepted connection. It is closed when the script returns.
    package struct Connection: Sendable {
        fileprivate let descriptor: Int32

        /// Reads up to and with the first blank line.
        package func readHead() -> String {
            var head: [UInt8] = []
            while !head.suffix(4).elementsEqual("\r\n\r\n".utf8), let byte = read(1).first { head.append(byte) }
            return String(decoding: head, as: UTF8.self)
        }

        /// What has come, at most `count` bytes; empty at the end.
        package func read(_ count: Int) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: count) { buffer, received in
                received = max(0, recv(descriptor, buffer.baseAddress, count, 0))
            }
        }

        /// Returns once the peer has closed its side.
        package func waitForEnd() { while !read(65_536).isEmpty {} }

        @discardableResult
        package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        /// False when the peer takes no more.
        @discardableResult
        package func send(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else { return false }
                rest = rest.dropFirst(sent)
            }
            return true
        }

        /// What one call takes; zero or less when it takes nothing in time.
        package func sendOnce(_ bytes: [UInt8]) -> Int {
            bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }

        package func limitSending(milliseconds: Int) {
            var limit = timeval(tv_sec: milliseconds / 1_000, tv_usec: milliseconds % 1_000 * 1_000)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }

        /// Makes the close that follows a reset.
        package func reset() {
            var now = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        }
    }

    package let port: UInt16
    /// One for each script that has returned.
    package let ended = EventRecorder<Void>()
    private let listener: Int32
    private let threads = ThreadPool(name: "scripted")

    package init(_ script: @escaping @Sendable (Connection) -> Void) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(listener, pointer, size)
                _ = listen(listener, 64)
                _ = getsockname(listener, pointer, &size)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        threads.execute { [ended, threads] in
            while case let client = accept(listener, nil, nil), client >= 0 {
                threads.execute {
                    var limit = timeval(tv_sec: 60, tv_usec: 0)
                    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                        setsockopt(client, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
                    }
                    script(Connection(descriptor: client))
                    close(client)
                    ended.record(())
                }
            }
        }
    }

    /// One that reads the request's head, says `answer`, and closes.
    package convenience init(answering answer: String) {
        self.init { connection in
            _ = connection.readHead()
            connection.send(answer)
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }
}

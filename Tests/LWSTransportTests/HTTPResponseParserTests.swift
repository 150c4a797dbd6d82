import BotFoundation
import TestSupport
import Testing

@testable import LWSTransport

/// What the client makes of a response, however it is cut.
@Suite struct HTTPResponseParserTests {
    /// What came of some bytes.
    private struct Seen: Equatable {
        var status = 0
        var headers: [String] = []
        var body = ""
        var isEnded = false
        var fault: HTTPResponseParser.Fault?
    }

    private func parse(
        _ pieces: [ArraySlice<UInt8>],
        expectsBody: Bool = true,
        headers: Int = 1_000,
        body: Int = 1_000,
        closes: Bool = false
    ) -> Seen {
        var parser = HTTPResponseParser(expectsBody: expectsBody, maximumHeaderBytes: headers, maximumBodyBytes: body)
        var seen = Seen()
        var events: [HTTPResponseParser.Event] = []
        for piece in pieces where seen.fault == nil {
            seen.fault = piece.withUnsafeBytes { bytes -> HTTPResponseParser.Fault? in
                do throws(HTTPResponseParser.Fault) { try parser.append(bytes, to: &events) } catch { return error }
                return nil
            }
        }
        if closes, seen.fault == nil {
            do { try parser.finish(&events) } catch { seen.fault = error }
        }
        var bytes: [UInt8] = []
        for event in events {
            switch event {
            case .head(let status, let headers):
                (seen.status, seen.headers) = (status, headers.map { "\($0.name)=\($0.value)" })
            case .body(let piece): bytes += piece
            case .end: seen.isEnded = true
            }
        }
        seen.body = String(decoding: bytes, as: UTF8.self)
        return seen
    }

    private func parse(
        _ text: String,
        expectsBody: Bool = true,
        headers: Int = 1_000,
        body: Int = 1_000,
        closes: Bool = false
    ) -> Seen {
        let bytes = Array(text.utf8)
        let whole = parse([bytes[...]], expectsBody: expectsBody, headers: headers, body: body, closes: closes)
        // However it comes, it is the same; only how much of a body comes before a fault depends on it.
        let single = parse(
            bytes.indices.map { bytes[$0...$0] },
            expectsBody: expectsBody,
            headers: headers,
            body: body,
            closes: closes
        )
        #expect(single.fault == whole.fault && single.status == whole.status && single.isEnded == whole.isEnded)
        #expect(single.body == whole.body || whole.fault != nil)
        for cut in bytes.indices {
            let cutInTwo = parse(
                [bytes[..<cut], bytes[cut...]],
                expectsBody: expectsBody,
                headers: headers,
                body: body,
                closes: closes
            )
            #expect(cutInTwo.fault == whole.fault && cutInTwo.headers == whole.headers, "cut at \(cut)")
        }
        return whole
    }

    @Test func aBodyWithALengthEndsThere() {
        let seen = parse("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n你好and more")
        #expect(seen == Seen(status: 200, headers: ["Content-Length=6"], body: "你好", isEnded: true))
        #expect(parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").isEnded)
    }

    @Test func aBodyWithoutALengthEndsWithTheConnection() {
        let text = "HTTP/1.0 200\r\n\r\nabc"
        #expect(parse(text) == Seen(status: 200, body: "abc"))
        #expect(parse(text, closes: true) == Seen(status: 200, body: "abc", isEnded: true))
    }

    @Test func chunksAreJoined() {
        let seen = parse(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n"
                + "3\r\nabc\r\n00A;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nmore"
        )
        #expect(seen.body == "abc0123456789" && seen.isEnded && seen.fault == nil)
    }

    @Test func headersAreKeptAsTheyCome() {
        let seen = parse(
            "HTTP/1.1 404 Not\tFound 没有\r\nSet-Cookie: a=1\r\nset-cookie:b=2 \t\r\nX-Empty:\r\nX-Name:  文件 \"é\"\r\n"
                + "X-Long: one\r\n\t two\r\n\r\n",
            closes: true
        )
        #expect(seen.status == 404)
        #expect(
            seen.headers == ["Set-Cookie=a=1", "set-cookie=b=2", "X-Empty=", "X-Name=文件 \"é\"", "X-Long=one two"]
        )
        let latin = Array("HTTP/1.1 200 OK\r\nX-Name: ".utf8) + [0xE9, 0x74, 0xE9] + Array("\r\n\r\n".utf8)
        #expect(parse([latin[...]]).headers == ["X-Name=été"])
    }

    @Test func linesMayEndWithoutACarriageReturn() {
        let seen = parse("HTTP/1.1 200 OK\nContent-Length: 1\nX: y\n\na")
        #expect(seen.isEnded && seen.headers == ["Content-Length=1", "X=y"] && seen.body == "a")
    }

    @Test func interimResponsesAreSkipped() {
        let seen = parse(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 OK\r\nA: b\r\n\r\n"
        )
        #expect(seen == Seen(status: 204, headers: ["A=b"], isEnded: true))
    }

    @Test(arguments: [204, 304])
    func someStatusesHaveNoBody(status: Int) {
        #expect(parse("HTTP/1.1 \(status) X\r\nContent-Length: 5\r\n\r\n").isEnded)
        #expect(parse("HTTP/1.1 \(status) X\r\nTransfer-Encoding: chunked\r\n\r\n").isEnded)
    }

    @Test func theAnswerToHeadHasNoBody() {
        let seen = parse("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n", expectsBody: false)
        #expect(seen == Seen(status: 200, headers: ["Content-Length=50000"], isEnded: true))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-", "HTTP", "",
    ])
    func whatBreaksOffIsNeverWhole(text: String) {
        let seen = parse(text, closes: true)
        #expect(seen.fault == .incomplete && !seen.isEnded)
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n", "HTP/1.1 200 OK\r\n", "<html>", "\u{15}\u{3}\u{1}", "\r\nHTTP/1.1 200 OK\r\n",
        "HTTP/1.1\r\n", "HTTP/1.1 \r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 +20 OK\r\n",
        "HTTP/1.x 200 OK\r\n", "HTTP/1.10 200 OK\r\n", "HTTP/2 200\r\n", "HTTP/1.1  200 OK\r\n", "HTTP/1.1 099 X\r\n",
        "HTTP/1.1 600 X\r\n", "HTTP/1.1 101 X\r\n\r\n", "HTTP/1.1 200 \u{0}\r\n", "HTTP/1.1 200 a\rb\r\n",
        "HTTP/1.1 200 OK\r\n folded\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n", "HTTP/1.1 200 OK\r\n: no name\r\n",
        "HTTP/1.1 200 OK\r\nSpaced : x\r\n", "HTTP/1.1 200 OK\r\nX: a\u{0}b\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0x3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: ３\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 3\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
    ])
    func whatIsNotHTTPIsRefused(text: String) {
        guard case .notHTTP = parse(text).fault else { return #expect(Bool(false), "\(text.debugDescription)") }
    }

    @Test func theSameLengthTwiceIsOne() {
        #expect(parse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1 , 1\r\n\r\na").isEnded)
    }

    @Test(arguments: [0, 1])
    func theHeadHasALimit(over: Int) {
        let head = "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 1\r\n\r\n"
        let seen = parse(head + "a", headers: head.utf8.count - over)
        #expect(seen.fault == (over == 0 ? nil : .headersTooLarge) && seen.isEnded == (over == 0))
        // The trailers count too.
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        let trailers = "X: y\r\n\r\n"
        let late = parse(chunked + "0\r\n" + trailers, headers: (chunked + trailers).utf8.count - over)
        #expect(late.fault == (over == 0 ? nil : .headersTooLarge) && late.isEnded == (over == 0))
    }

    @Test(arguments: [
        ("Content-Length: 10", "0123456789"), ("Transfer-Encoding: chunked", "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n"),
        ("X: y", "0123456789"),
    ])
    func theBodyHasALimit(header: String, body: String) {
        let text = "HTTP/1.1 200 OK\r\n\(header)\r\n\r\n\(body)"
        #expect(parse(text, body: 10, closes: true).isEnded)
        #expect(parse(text, body: 9, closes: true).fault == .bodyTooLarge)
    }

    @Test(arguments: [
        "Content-Length: 10000000000\r\n\r\n", "Content-Length: 99999999999999999999999999999\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "Transfer-Encoding: chunked\r\n\r\n7FFFFFFFFFFFFFFF\r\n",
    ])
    func anEnormousBodyIsRefusedBeforeItComes(rest: String) {
        #expect(parse("HTTP/1.1 200 OK\r\n\(rest)").fault == .bodyTooLarge)
    }

    @Test(arguments: [0, 1])
    func theLineOfAChunkHasALimit(over: Int) {
        let limit = HTTPResponseParser.maximumChunkLineBytes
        let line = "1;" + String(repeating: "x", count: limit - 4 + over) + "\r\n"
        let seen = parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(line)a\r\n0\r\n\r\n")
        #expect(seen.isEnded == (over == 0))
    }

    @Test func nothingMakesItTrap() {
        var random = SeededGenerator(seed: SeededGenerator.seed(for: "response parser"))
        let words = [
            "HTTP/1.1 200 OK\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "\r\n", "\n", "0", "5", "fff",
            ":", "\u{0}",
            "\r", "abc", "-1", "9999999999999999999", ";", ",", " ", "HTTP/1.1 100\r\n\r\n", "é", "X: y\r\n",
        ]
        for _ in 0..<3_000 {
            var bytes: [UInt8] = Bool.random(using: &random) ? Array("HTTP/1.1 200 OK\r\n".utf8) : []
            for _ in 0..<Int.random(in: 0..<12, using: &random) {
                bytes += Array((words.randomElement(using: &random) ?? "").utf8)
                if Int.random(in: 0..<20, using: &random) == 0 { bytes.append(.random(in: 0...255, using: &random)) }
            }
            let whole = parse([bytes[...]], headers: 80, body: 8, closes: true)
            let single = parse(bytes.indices.map { bytes[$0...$0] }, headers: 80, body: 8, closes: true)
            // Which of two faults is seen first may depend on the pieces.
            #expect((whole.fault == nil) == (single.fault == nil) && whole.isEnded == single.isEnded)
        }
    }
}

import Testing

@testable import LWSTransport

@Suite struct MessageAssemblerTests {
    private typealias Outcome = MessageAssembler.Outcome

    private func text(_ text: String) -> Outcome { .message(bytes: Array(text.utf8), isText: true) }

    @Test func aMessageInOnePiece() {
        let assembler = Joiner(maximumBytes: 100)
        #expect(assembler.take("你好") == text("你好"))
        #expect(assembler.take("b", binary: true) == .message(bytes: [98], isText: false))
    }

    @Test func aMessageInPiecesKeepsTheKindOfItsFirst() {
        let assembler = Joiner(maximumBytes: 100)
        #expect(assembler.take("a", final: false, binary: true) == .incomplete)
        #expect(assembler.take("b", first: false, final: false) == .incomplete)
        #expect(assembler.take("", first: false, final: false) == .incomplete)
        #expect(assembler.take("c", first: false) == .message(bytes: Array("abc".utf8), isText: false))
        #expect(assembler.take("d") == text("d"))
    }

    @Test func anEmptyMessageIsAMessage() {
        let assembler = Joiner(maximumBytes: 0)
        #expect(assembler.take("") == text(""))
        #expect(assembler.take("", final: false) == .incomplete)
        #expect(assembler.take("", first: false) == text(""))
        #expect(assembler.takeNothing() == text(""))
    }

    @Test(arguments: [(1, 10), (2, 5), (5, 2), (10, 1)])
    func theLimitHoldsInAnyNumberOfPieces(pieces: Int, size: Int) {
        let assembler = Joiner(maximumBytes: 10)
        let piece = String(repeating: "p", count: size)
        for number in 1...pieces {
            let expected = number == pieces ? text(String(repeating: "p", count: 10)) : .incomplete
            #expect(assembler.take(piece, first: number == 1, final: number == pieces) == expected)
        }
        for number in 1...pieces {
            #expect(assembler.take(piece, first: number == 1, final: false) == .incomplete)
        }
        #expect(assembler.take("p", first: false) == .tooLarge)
        #expect(assembler.take(String(repeating: "p", count: 11)) == .tooLarge)
        #expect(assembler.take("p") == text("p"))
    }

    @Test func aNewFirstPieceForgetsAnUnfinishedMessage() {
        let assembler = Joiner(maximumBytes: 3)
        #expect(assembler.take("aaa", final: false, binary: true) == .incomplete)
        #expect(assembler.take("b", final: false) == .incomplete)
        #expect(assembler.take("cc", first: false) == text("bcc"))
    }

    @Test func theRestOfAMessageThatWasTooLargeIsNotOneOfItsOwn() {
        let assembler = Joiner(maximumBytes: 3)
        #expect(assembler.take("aaaa", final: false) == .tooLarge)
        #expect(assembler.take("b", first: false) == .incomplete)
        #expect(assembler.take("c") == text("c"))
    }

    @Test func aContinuationOfNothingIsIgnored() {
        let assembler = Joiner(maximumBytes: 3)
        #expect(assembler.take("a", first: false, final: false) == .incomplete)
        #expect(assembler.take("b", first: false) == .incomplete)
        #expect(assembler.take("c") == text("c"))
        #expect(assembler.take("d", first: false) == .incomplete)
    }
}

/// An assembler that takes text.
private final class Joiner {
    private var assembler: MessageAssembler

    init(maximumBytes: Int) {
        assembler = MessageAssembler(maximumBytes: maximumBytes)
    }

    func take(_ text: String, first: Bool = true, final: Bool = true, binary: Bool = false) -> MessageAssembler.Outcome
    {
        Array(text.utf8).withUnsafeBytes { assembler.append($0, first: first, final: final, binary: binary) }
    }

    /// Takes what the library gives for no bytes.
    func takeNothing() -> MessageAssembler.Outcome {
        assembler.append(.init(start: nil, count: 0), first: true, final: true, binary: false)
    }
}

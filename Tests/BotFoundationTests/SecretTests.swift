import BotFoundation
import Testing

@Suite("Secret")
struct SecretTests {
    private struct Holder {
        let name = "bot"
        let secret = Secret("hunter2")
    }

    @Test("it prints as dots wherever it is printed")
    func printsAsDots() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        dump(Holder(), to: &dumped)
        dump([secret], to: &dumped)
        let printed = [
            secret.description, secret.debugDescription, "\(secret)", "\(Holder())", "\([secret])",
            String(describing: secret), String(reflecting: secret), String(describing: Optional(secret)), dumped,
        ]
        for text in printed {
            #expect(!text.contains("hunter2"))
            #expect(text.contains("•••"))
        }
    }

    @Test("its mirror shows nothing")
    func mirrorShowsNothing() {
        #expect(Mirror(reflecting: Secret("hunter2")).children.isEmpty)
    }

    @Test("the value is there for who asks for it")
    func valueIsThere() {
        #expect(Secret("hunter2").value == "hunter2")
        #expect(Secret("a") == Secret("a") && Secret("a") != Secret("b"))
        #expect(Secret("").isEmpty && !Secret("a").isEmpty)
    }
}

import BotCrypto
import BotFoundation
import Testing

@testable import GatewaySimulator

@Suite("Gateway: what people send")
struct SimulatedContentTests {
    private let picture = SimulatedMedia(url: "https://h.invalid/obj?sign=1", aesKey: "K")

    @Test("every kind has the documented shape")
    func shapes() {
        let media: JSONValue = ["url": "https://h.invalid/obj?sign=1", "aeskey": "K"]
        #expect(SimulatedContent.text("你").body == ["msgtype": "text", "text": ["content": "你"]])
        #expect(SimulatedContent.voice("说").body == ["msgtype": "voice", "voice": ["content": "说"]])
        #expect(SimulatedContent.image(picture).body == ["msgtype": "image", "image": media])
        #expect(SimulatedContent.file(picture).body == ["msgtype": "file", "file": media])
        #expect(SimulatedContent.video(picture).body == ["msgtype": "video", "video": media])
        let mixed = SimulatedContent.mixed([.text("看"), .image(picture)])
        #expect(
            mixed.body == [
                "msgtype": "mixed",
                "mixed": [
                    "msg_item": [
                        ["msgtype": "text", "text": ["content": "看"]], ["msgtype": "image", "image": media],
                    ]
                ],
            ]
        )
        #expect(SimulatedMedia(url: "u", aesKey: nil).body == ["url": "u"])
    }

    @Test("a medium is padded to 32 bytes, always, and its key has no sign at its end")
    func encryption() throws {
        for length in 0...65 {
            let content = (0..<length).map { UInt8($0) }
            let cipher = SimulatedCipher()
            let encrypted = try cipher.encrypt(content)
            #expect(encrypted.count == (length / 32 + 1) * 32)
            #expect(cipher.key.utf8.count == 43 && !cipher.key.contains("="))
            #expect(try MediaDecryptor.decrypt(encrypted, key: AESKey(Secret(cipher.key))) == content)
        }
    }
}

import BotFoundation
import Foundation
import Testing

@testable import BotCrypto

@Suite("AESKey")
struct AESKeyTests {
    @Test func everySpellingIsTheSameKey() throws {
        for account in try Vectors.load().accounts.values {
            let expected = bytes(hexadecimal: account.aes_key_hex)
            let urlSafe = account.encoding_aes_key.replacing("+", with: "-").replacing("/", with: "_")
            for text in [
                account.encoding_aes_key, account.encoding_aes_key + "=", " \(account.encoding_aes_key)\r\n", urlSafe,
                urlSafe + "=",
                account.aes_key_hex, account.aes_key_hex.uppercased(),
            ] {
                #expect(try AESKey(Secret(text)).bytes == expected, "\(text)")
            }
        }
    }

    @Test func whatIsNoKeyIsNamedWithoutBeingQuoted() throws {
        let letters = String(repeating: "A", count: 42)
        for text in [
            "", letters, letters + "AA", letters + "==", letters + "!", letters + "中",
            String(repeating: "a", count: 63),
            String(repeating: "a", count: 65), String(repeating: "a", count: 63) + "g",
            "+" + String(repeating: "1", count: 63),
        ] {
            let error = #expect(throws: CryptoError.self, "\(text)") { try AESKey(Secret(text)) }
            #expect(error?.code == .invalidKey)
            #expect(text.isEmpty || error?.message.contains(text) == false)
        }
    }

    @Test func aKeyIsNotPrinted() throws {
        let key = try AESKey(Secret(String(repeating: "7", count: 43)))
        var dumped = ""
        dump(key, to: &dumped)
        #expect(["\(key)", String(reflecting: key)].allSatisfy { $0 == "•••" } && !dumped.contains("["))
    }
}

import BotCrypto
import Foundation
import Testing

@testable import GatewaySimulator

/// The platform's rules for images in an answer.
struct ImageRulesTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    private func item(_ bytes: [UInt8], md5: String? = nil) throws -> JSONValue {
        let checksum = try MD5Checksum()
        try checksum.update(bytes)
        let real = try checksum.finish()
        let image: JSONValue = [
            "base64": .string(Data(bytes).base64EncodedString()), "md5": .string(md5 ?? real),
        ]
        return ["msgtype": "image", "image": image]
    }

    /// What is wrong with a list of images; `nil` for nothing.
    private func problem(_ items: JSONValue, isFinal: Bool = true) -> String? {
        do {
            _ = try ImageRules.images(in: ["msg_item": items], isFinal: isFinal)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func imagesAreShownInOrderWithTheirChecksum() throws {
        // `printf "\xff\xd8\xff" | md5sum`
        let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF]
        let images = try ImageRules.images(
            in: ["msg_item": .array([item(jpeg), item(Self.png)])],
            isFinal: true
        )
        #expect(images.map(\.bytes) == [3, 8])
        #expect(images.map(\.md5) == ["d718f4d374abcade9c50585aeee2f713", "e9dd2797018cad79186e03e8c5aec8dc"])
        #expect(try ImageRules.images(in: ["content": "x"], isFinal: false).isEmpty)
    }

    @Test func tenImagesAndOneMore() throws {
        let item = try item(Self.png)
        #expect(problem(.array([JSONValue](repeating: item, count: 10))) == nil)
        #expect(problem(.array([JSONValue](repeating: item, count: 11))) == "11 images")
    }

    @Test func tenMebibytesAndOneByteMore() throws {
        let most = Self.png + [UInt8](repeating: 0, count: 10_485_760 - Self.png.count)
        let nothing = problem(.array([try item(most)]))
        #expect(nothing == nil)
        // Not in the expectation, which would print it all.
        let problem = problem(.array([try item(most + [0])]))
        #expect(problem == "an image of 10485761 bytes")
    }

    @Test func whatElseIsWrongIsSaid() throws {
        let item = try item(Self.png)
        #expect(problem(.array([item]), isFinal: false) == "images in a stream that goes on")
        #expect(problem(.array([]), isFinal: false) == nil)
        #expect(problem("x") == "msg_item is no array")
        #expect(problem(.array([try self.item(Self.png, md5: "0")])) == "the md5 is not the image's")
        let text = item["image"]?["base64"]?.string ?? ""
        let checksum = try MD5Checksum()
        try checksum.update(Array(text.utf8))
        let ofBase64 = try checksum.finish()
        #expect(problem(.array([try self.item(Self.png, md5: ofBase64)])) == "the md5 is not the image's")
        #expect(problem(.array([try self.item(Array("GIF89a".utf8))])) == "an image that is neither PNG nor JPEG")
        #expect(problem(.array([["msgtype": "text"]])) == "an item that is no image in Base64")
        #expect(
            problem(.array([["msgtype": "image", "image": ["base64": "?"]]])) == "an item that is no image in Base64"
        )
    }
}

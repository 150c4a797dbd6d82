import FoundationEssentials
import Testing
import WeComBot

@testable import EchoBot

struct EchoBotTests {
    @Test(arguments: [5, 251, 64_256, 64_257, 200_000])
    func aFileHasTheBytesThatWereAskedForAndIsNotKept(count: Int) throws {
        var path = ""
        do {
            let scratch = ScratchFile()
            path = scratch.path
            let isFilled = scratch.fill(count)
            #expect(isFilled)
            let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
            #expect(bytes == (0..<count).map { UInt8($0 * 7 % 251) })
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aFileThatArrivedAnotherWayIsNotCalledLost() {
        let reason = Delivery.Reason(code: 846_608, "the stream has expired")
        #expect(EchoBot.notice(of: .delivered) == nil)
        #expect(EchoBot.notice(of: .redirected(reason)) == nil)
        #expect(
            EchoBot.notice(of: .refused(reason))?.hasPrefix("the file was not sent: the stream has expired") == true
        )
        let unknown = EchoBot.notice(of: .unknown(reason))
        #expect(unknown?.contains("may not have arrived") == true && unknown?.contains("846608") == true)
    }
}

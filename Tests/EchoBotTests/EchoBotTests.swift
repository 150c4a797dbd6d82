import Testing
import WeComBot

@testable import EchoBot

struct EchoBotTests {
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

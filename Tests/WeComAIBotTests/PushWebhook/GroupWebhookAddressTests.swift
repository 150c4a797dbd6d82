import BotFoundation
import LWSTransport
import Testing

@testable import WeComAIBot

struct GroupWebhookAddressTests {
    private static let official = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key="

    private func error(_ url: String, _ origins: [String] = []) throws -> TransportError? {
        let origins = try origins.map { try MediaOrigin($0) }
        do throws(TransportError) {
            _ = try GroupWebhookAddress(Secret(url), allowedOrigins: origins)
            return nil
        } catch {
            return error
        }
    }

    @Test func filesGoBesideMessagesWithTheSameKey() throws {
        let address = try GroupWebhookAddress(Secret(Self.official + "693a91f6-7xxx&debug=1"))
        #expect(address.send.value == Self.official + "693a91f6-7xxx&debug=1")
        #expect(
            address.upload("voice").value
                == "https://qyapi.weixin.qq.com/cgi-bin/webhook/upload_media?key=693a91f6-7xxx&debug=1&type=voice"
        )
    }

    @Test(arguments: [
        "", "hunter2", "ftp://hunter2/send?key=hunter2", "https://u:hunter2@h/send?key=hunter2",
        "https://h/send", "https://h/send?", "https://h/send?key=", "https://h/send?key=&k=hunter2",
        "https://h/send?key=%20", "https://h/send?key=%zzhunter2", "https://h/send?kay=hunter2",
        "https://h/upload?key=hunter2", "https://h/?key=hunter2", "https://h/send?key=hunter2#x",
        "https://h/send?key=hunter 2", "https://h/send?key=密码hunter2", "http://h/send?key=hunter2",
    ])
    func aWrongOneIsRefusedAndNotRepeated(url: String) throws {
        let error = try #require(try error(url))
        #expect(error.code == .invalidEndpoint && !"\(error)".contains("hunter2") && !"\(error)".contains("密码"))
    }

    @Test func withoutTLSItsOriginMustBeAllowed() throws {
        let url = "http://127.0.0.1:8080/cgi-bin/webhook/send?key=k"
        #expect(try error(url, ["http://127.0.0.1:*"]) == nil)
        #expect(try error(url, ["http://127.0.0.1:8080"]) == nil)
        for other in ["http://127.0.0.1:8081", "https://127.0.0.1:8080", "http://localhost:*"] {
            #expect(try error(url, [other])?.message.contains("allowed origins") == true)
        }
        #expect(try error("http://[::1]/webhook/send?key=k", ["http://[0::1]:80"]) == nil)
    }

    @Test func aPrintedOneShowsNothing() throws {
        let address = try GroupWebhookAddress(Secret(Self.official + "hunter2"))
        var dumped = ""
        dump(GroupWebhookConfiguration(address: address), to: &dumped)
        #expect(!"\(address)".contains("hunter2") && !String(reflecting: address).contains("hunter2"))
        #expect(!dumped.contains("hunter2"))
    }
}

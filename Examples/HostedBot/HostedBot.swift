import Foundation
import LWSTransport
import WeComBot

/// A bot inside a program that has an HTTP server already: the program chooses the path and hands the requests over.
///
///     WECOM_CONNECTION_MODE=webhook WECOM_TOKEN=… WECOM_ENCODING_AES_KEY=… swift run hosted-bot
///
/// It answers every text with an echo. Token and key are those of the bot's page in the admin console; the address to save there
/// is `http://…:8080/api/platform/webhook/0123456789abcdef`, through whatever makes it reachable.
@main
struct HostedBot {
    static func main() async throws {
        var configuration: Configuration
        do {
            configuration = try Configuration.load()
        } catch {
            FileHandle.standardError.write(Data("hosted-bot: the configuration is wrong:\n\(error)\n".utf8))
            exit(ConfigurationError.exitStatus)
        }
        configuration.callbackPort = 0  // no server of the bot's own
        let bot = try Bot(configuration: configuration)

        // The program's own server: any other would do.
        let loop = try EventLoop(name: "host")
        var listening = HTTPServerConfiguration()
        listening.host = "0.0.0.0"
        listening.port = 8_080
        let server = try await HTTPServer.listen(on: loop, listening) { request in
            switch request.path {
            case "/": return HTTPResponse(status: 200, text: "the program's own page\n")
            case "/api/platform/webhook/0123456789abcdef":
                let answer = await bot.respond(
                    to: WebhookRequest(
                        method: request.method,
                        path: request.path,
                        query: request.query,
                        body: request.body
                    )
                )
                return HTTPResponse(status: answer.status, headers: answer.headers, body: answer.body)
            default: return HTTPResponse(status: 404)
            }
        }
        async let served: Void = server.run()
        try await bot.run { message, reply in await reply.write("echo: \(message.text)") }
        await server.stop()
        await served
        await loop.shutdown()
    }
}

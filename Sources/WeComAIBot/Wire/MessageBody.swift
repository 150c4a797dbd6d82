import BotCore
import FoundationEssentials

/// A message as the body of a frame: `{"msgtype":"file","file":{…}}`.
struct MessageBody: Encodable {
    let message: OutboundMessage

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var body = encoder.container(keyedBy: Key.self)
        try body.encode(message.kind.rawValue, forKey: Key(stringValue: "msgtype"))
        let content = try JSONDecoder().decode(JSONTree.self, from: Data(message.body))
        try body.encode(content, forKey: Key(stringValue: message.kind.rawValue))
    }
}

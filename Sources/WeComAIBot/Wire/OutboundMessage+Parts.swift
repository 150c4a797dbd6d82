internal import BotCore
internal import FoundationEssentials

extension OutboundMessage {
    /// The messages that it is sent as: Markdown of more than ``maximumMarkdownBytes`` goes on in the next one, cut where a long answer
    /// is. Whoever rates one of them rates the whole.
    var parts: [OutboundMessage] {
        guard kind == .markdown, problem == nil, body.count > Self.maximumMarkdownBytes else { return [self] }
        do throws(WireError) {
            let tree = try JSONDecoder().decode(JSONTree.self, fromText: body, called: "the body of a message")
            guard case .object(var members) = tree, let text = members["content"]?.text,
                text.utf8.count > Self.maximumMarkdownBytes
            else { return [self] }
            let texts = StreamMachine.messages(of: text, maximumBytes: Self.maximumMarkdownBytes)
            guard !texts.isEmpty else { return [self] }
            return texts.map { text in
                members["content"] = .string(text)
                return OutboundMessage(kind, members, [])
            }
        } catch {
            return [self]  // what is wrong with it is said where it is sent
        }
    }
}

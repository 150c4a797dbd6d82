public import BotCore
internal import FoundationEssentials

extension OutboundMessage.Kind {
    /// Text with Markdown.
    public static let markdown = OutboundMessage.Kind(rawValue: "markdown")
    /// A template card.
    public static let templateCard = OutboundMessage.Kind(rawValue: "template_card")
    /// Text; only for welcomes.
    static let text = OutboundMessage.Kind(rawValue: "text")
    /// A card in place of another; only in answer to what was pressed on that.
    static let cardUpdate = OutboundMessage.Kind(rawValue: "update_template_card")
}

extension OutboundMessage {
    /// The most UTF-8 bytes of one Markdown message: 20,480 (official doc 101463).
    public static let maximumMarkdownBytes = 20_480
    /// The most UTF-8 bytes of a feedback id: 256 (official doc 101463).
    public static let maximumFeedbackIDBytes = 256

    /// Text with Markdown, not blank. What does not fit into ``maximumMarkdownBytes`` goes on in further messages, one after another, cut
    /// between blocks, lines or sentences; the outcome is the worst of theirs, and after one that is refused no other is sent. A
    /// `response_url`, which takes one message, is sent no longer text.
    ///
    /// - Parameter feedbackID: Comes back with the user's rating (``BotCore/Event/feedback``): at most ``maximumFeedbackIDBytes``;
    ///   without one, the user cannot rate it.
    public static func markdown(_ text: String, feedbackID: String? = nil) -> OutboundMessage {
        var problems = text.allSatisfy(\.isWhitespace) ? ["a markdown message is blank"] : []
        if let feedbackID { problems += feedbackProblems(feedbackID) }
        var body: [String: JSONTree] = ["content": .string(text)]
        if let feedbackID { body["feedback"] = .object(["id": .string(feedbackID)]) }
        return OutboundMessage(.markdown, body, problems)
    }

    /// A card. The platform documents proactive cards for single chats only; in a group they may be refused (official doc 101463).
    public static func card(_ card: TemplateCard) -> OutboundMessage {
        OutboundMessage(.templateCard, card.json, card.problems)
    }

    /// The greeting of who enters a chat. No limit is documented; that of Markdown is kept.
    static func text(_ text: String) -> OutboundMessage {
        var problems = text.allSatisfy(\.isWhitespace) ? ["a welcome is blank"] : []
        let count = text.utf8.count
        if count > maximumMarkdownBytes {
            problems.append("a welcome has \(count) bytes; \(maximumMarkdownBytes) are allowed")
        }
        return OutboundMessage(.text, ["content": .string(text)], problems)
    }

    /// A card in place of another.
    static func update(_ card: TemplateCard, for users: [String]?) -> OutboundMessage {
        var body: [String: JSONTree] = ["template_card": .object(card.json)]
        if let users { body["userids"] = .array(users.map { .string($0) }) }
        var problems = card.problems(isUpdate: true)
        if users?.contains(where: \.isEmpty) == true { problems.append("a user's id is empty") }
        return OutboundMessage(.cardUpdate, body, problems)
    }

    /// A message that is refused if there are problems.
    init(_ kind: Kind, _ body: [String: JSONTree], _ problems: [String]) {
        let problem = problems.isEmpty ? nil : problems.joined(separator: "; ")
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
            self.init(kind: kind, body: [UInt8](try encoder.encode(JSONTree.object(body))), problem: problem)
        } catch {
            self.init(kind: kind, body: [], problem: problem ?? "it cannot be written as JSON")
        }
    }

    static func feedbackProblems(_ id: String) -> [String] {
        if id.isEmpty { return ["the feedback id is empty"] }
        let count = id.utf8.count
        return count > maximumFeedbackIDBytes
            ? ["the feedback id has \(count) bytes; \(maximumFeedbackIDBytes) are allowed"] : []
    }
}

// MARK: On the wire

extension OutboundMessage {
    /// The `body` of a frame that carries it.
    ///
    /// - Throws: `WireError` if it has a problem, or what is in it is not a JSON object.
    func frameBody() throws(WireError) -> [String: JSONTree] {
        if let problem { throw WireError(.invalid, problem) }
        guard !kind.rawValue.isEmpty else { throw WireError(.empty, "the kind of a message is empty") }
        let content = try JSONDecoder().decode(JSONTree.self, fromText: body, called: "the body of a message")
        guard case .object(let members) = content else {
            throw WireError(.notAnObject, "the body of a message is JSON but not an object")
        }
        guard kind == .cardUpdate else {
            return ["msgtype": .string(kind.rawValue), kind.rawValue: content]
        }
        return members.merging(["response_type": .string(kind.rawValue)]) { _, own in own }
    }

    /// The `body` of a frame that carries it to a conversation without answering anything. `chat_type` says which of the two it is.
    ///
    /// - Throws: `WireError` as above, and if the conversation has no id.
    func frameBody(to conversation: Conversation) throws(WireError) -> [String: JSONTree] {
        try WireError.require(conversation.id, "chatid", of: "a message")
        var body = try frameBody()
        body["chatid"] = .string(conversation.id)
        body["chat_type"] = .number(conversation.kind == .single ? 1 : 2)
        return body
    }
}

import BotCore

extension StreamFrame {
    private static let thinkingTags = (open: "<think>", close: "</think>")

    /// How many bytes thinking costs beside its own.
    static let thinkingMarkupBytes = thinkingTags.open.utf8.count + thinkingTags.close.utf8.count

    /// What a bubble shows: the thinking between its tags, then the text. A tag in the thinking itself would end it early: it is
    /// written in other characters, as many.
    static func content(of update: BubbleUpdate) -> String {
        guard let thinking = update.thinking else { return update.text }
        let plain = [thinkingTags.open, thinkingTags.close].reduce(thinking) { text, tag in
            text.replacing(tag, with: "(\(tag.dropFirst().dropLast()))")
        }
        return thinkingTags.open + plain + thinkingTags.close + update.text
    }
}

extension StreamFrame: Encodable {
    private enum Key: String, CodingKey {
        case id, finish, content, feedback
        case images = "msg_item"
    }

    func encode(to encoder: any Encoder) throws {
        var stream = encoder.container(keyedBy: Key.self)
        try stream.encode(id, forKey: .id)
        try stream.encode(isFinal, forKey: .finish)
        try stream.encode(content, forKey: .content)
        if !images.isEmpty { try stream.encode(images, forKey: .images) }
        if let feedbackID {
            var feedback = stream.nestedContainer(keyedBy: Key.self, forKey: .feedback)
            try feedback.encode(feedbackID, forKey: .id)
        }
    }

    /// Checks what the server would refuse.
    ///
    /// - Parameter name: What carries it, with its article, for the error.
    func validate(in name: String) throws(WireError) {
        try WireError.require(id, "stream.id", of: name)
        try WireError.limit(content, Self.maximumContentBytes, "stream.content", of: name)
        guard images.isEmpty || isFinal, images.count <= StreamImage.maximumCount else {
            throw WireError(
                .invalid,
                "stream.msg_item of \(name) has \(images.count) images, or does not come with the end"
            )
        }
        if let feedbackID {
            try WireError.require(feedbackID, "stream.feedback.id", of: name)
            try WireError.limit(feedbackID, Self.maximumFeedbackIDBytes, "stream.feedback.id", of: name)
        }
    }
}

extension StreamFrame: Encodable {
    private enum Key: String, CodingKey { case id, finish, content, feedback }

    func encode(to encoder: any Encoder) throws {
        var stream = encoder.container(keyedBy: Key.self)
        try stream.encode(id, forKey: .id)
        try stream.encode(isFinal, forKey: .finish)
        try stream.encode(content, forKey: .content)
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
        if let feedbackID {
            try WireError.require(feedbackID, "stream.feedback.id", of: name)
            try WireError.limit(feedbackID, Self.maximumFeedbackIDBytes, "stream.feedback.id", of: name)
        }
    }
}

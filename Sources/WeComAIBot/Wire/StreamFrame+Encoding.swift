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
        func limit(_ value: String, _ field: String, atMost maximum: Int) throws(WireError) {
            let count = value.utf8.count
            if count > maximum {
                throw WireError(.tooLong, "\(field) of \(name) has \(count) bytes; \(maximum) are allowed")
            }
        }
        if id.isEmpty { throw WireError(.empty, "stream.id of \(name) is empty") }
        try limit(content, "stream.content", atMost: Self.maximumContentBytes)
        if let feedbackID {
            if feedbackID.isEmpty { throw WireError(.empty, "stream.feedback.id of \(name) is empty") }
            try limit(feedbackID, "stream.feedback.id", atMost: Self.maximumFeedbackIDBytes)
        }
    }
}

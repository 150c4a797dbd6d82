/// Something that people send and that has to be fetched.
package struct SimulatedMedia: Sendable, Hashable {
    /// Where it is.
    package var url: String
    /// What it is encrypted with; `nil` leaves the field out.
    package var aesKey: String?

    /// Names a medium.
    package init(url: String, aesKey: String?) {
        self.url = url
        self.aesKey = aesKey
    }

    var body: JSONValue {
        var members: [String: JSONValue] = ["url": .string(url)]
        if let aesKey { members["aeskey"] = .string(aesKey) }
        return .object(members)
    }
}

/// What people send (official doc 100719).
package indirect enum SimulatedContent: Sendable, Hashable {
    case text(String)
    case image(SimulatedMedia)
    /// What was said; there is no audio.
    case voice(String)
    case file(SimulatedMedia)
    case video(SimulatedMedia)
    /// Texts and images in order.
    case mixed([SimulatedContent])

    /// `msgtype`.
    package var type: String {
        switch self {
        case .text: "text"
        case .image: "image"
        case .voice: "voice"
        case .file: "file"
        case .video: "video"
        case .mixed: "mixed"
        }
    }

    /// `msgtype` and the object of that name.
    var body: [String: JSONValue] {
        let content: JSONValue =
            switch self {
            case .text(let text), .voice(let text): ["content": .string(text)]
            case .image(let media), .file(let media), .video(let media): media.body
            case .mixed(let items): ["msg_item": .array(items.map { .object($0.body) })]
            }
        return ["msgtype": .string(type), type: content]
    }
}

extension Gateway {
    /// A user sends something of any kind.
    ///
    /// - Parameter quote: what the user quotes with it.
    @discardableResult
    package func push(
        _ content: SimulatedContent,
        quoting quote: SimulatedContent? = nil,
        from user: String,
        in chat: String? = nil,
        to bot: String? = nil
    ) -> PushedMessage {
        var body = content.body
        if let quote { body["quote"] = .object(quote.body) }
        return push(from: user, in: chat, type: content.type, body, to: bot)
    }
}

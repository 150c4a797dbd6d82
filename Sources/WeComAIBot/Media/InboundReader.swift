package import BotCore
package import BotFoundation
internal import FoundationEssentials

/// Makes messages for handlers of what the platform sends, the same for each way in which it does.
package struct InboundReader: Sendable {
    /// The name under which people mention the bot; empty if unknown.
    package var botName = ""
    /// What fetches attachments; without it, they say that they cannot be fetched.
    package var media: MediaClient?
    /// The key for media without one of their own: the callback's `EncodingAESKey` (official doc 100719).
    package var commonKey: Secret?

    /// A reader that knows nothing yet.
    package init() {}

    /// The message without anything that is particular to this channel.
    ///
    /// A message without a `msgid` has an empty id: it is answered, but a second delivery of it cannot be recognised.
    ///
    /// - Parameter time: When it arrived: its media can be fetched for five minutes from then. `nil` if not known.
    func inbound(_ message: MessageCallback, at time: ContinuousClock.Instant? = nil) -> Inbound {
        let original = parts(of: message.content, at: time)
        let stripped = withoutMention(original)
        return Inbound(
            id: message.fields.messageID ?? "",
            kind: Inbound.Kind(rawValue: message.fields.messageType),
            conversation: message.conversation,
            sender: message.fields.userID ?? "",
            text: stripped.text,
            originalText: original.text,
            parts: stripped,
            quote: message.quote.flatMap { quote($0, at: time) },
            raw: message.raw
        )
    }

    /// A turn that was saved, with all that its message says: a store keeps the text, and the message as it was received. What makes
    /// no sense any more stays as it is.
    package func restored(_ turn: SavedTurn) -> SavedTurn {
        guard let message = Self.message(in: turn.message.raw), message.conversation == turn.message.conversation,
            message.fields.messageID ?? "" == turn.message.id
        else { return turn }
        let now = Int64(Date.now.timeIntervalSince1970 * 1_000)
        // Beyond a day it does not matter how old it is.
        let age = Duration.milliseconds(
            min(max(0, now.subtractingReportingOverflow(turn.receivedAt).partialValue), 86_400_000)
        )
        return SavedTurn(
            number: turn.number,
            message: inbound(message, at: .now - age),
            route: turn.route,
            receivedAt: turn.receivedAt,
            answer: turn.answer
        )
    }

    /// The message in a frame of the long connection, or in a callback.
    private static func message(in raw: [UInt8]) -> MessageCallback? {
        do throws(WireError) {
            if case .callback(let callback) = try FrameCodec().decode(raw), case .message(let message) = callback.body {
                return message
            }
        } catch {
            // Not a frame.
        }
        do throws(WireError) {
            if case .message(let message) = try WebhookCodec().callback(raw) { return message }
        } catch {
            // Nor a callback.
        }
        return nil
    }

    private func quote(_ content: MessageContent, at time: ContinuousClock.Instant?) -> Quote? {
        guard !content.type.isEmpty else { return nil }
        return Quote(kind: Inbound.Kind(rawValue: content.type), parts: parts(of: content, at: time))
    }

    private func parts(of content: MessageContent, at time: ContinuousClock.Instant?) -> [Inbound.Part] {
        switch content {
        case .text(let text), .voice(let text): text.isEmpty ? [] : [.text(text)]
        case .image(let reference): [attachment(.image, reference, at: time)]
        case .file(let reference): [attachment(.file, reference, at: time)]
        case .video(let reference): [attachment(.video, reference, at: time)]
        case .mixed(let contents): contents.flatMap { parts(of: $0, at: time) }
        case .unknown(let type): [.other(Inbound.Kind(rawValue: type))]
        }
    }

    private func attachment(
        _ kind: Inbound.Kind,
        _ reference: MediaReference,
        at time: ContinuousClock.Instant?
    ) -> Inbound.Part {
        let source = RemoteMedia(reference: reference, commonKey: commonKey, receivedAt: time, client: media)
        return .attachment(Attachment(kind: kind, fileName: reference.fileName, source: source))
    }

    /// The mention opens the message's text; pictures may stand in front of it.
    private func withoutMention(_ parts: [Inbound.Part]) -> [Inbound.Part] {
        let first = parts.firstIndex { if case .text = $0 { true } else { false } }
        guard let first, case .text(let text) = parts[first] else { return parts }
        let rest = Mention.strip(botName, from: text)
        guard rest != text else { return parts }
        var parts = parts
        parts.replaceSubrange(first...first, with: rest.isEmpty ? [] : [.text(rest)])
        return parts
    }
}

package import BotCore
internal import BotFoundation
internal import FoundationEssentials

/// Messages that are not streams. None is ever sent twice: what may have arrived is not repeated.
extension LongConnection {
    /// Sends a message that answers nothing, and waits for the verdict. The user must have written in that conversation before
    /// (official doc 101463). It is counted in the conversation's budget, and waits for it.
    package nonisolated func push(_ message: OutboundMessage, to conversation: Conversation) async -> Delivery {
        await recorded(message, to: conversation) { await push($0, to: conversation, $1) }
    }

    /// The same with a record of it; without one for what is written down otherwise, as the text of an answer is.
    nonisolated func push(
        _ message: OutboundMessage,
        to conversation: Conversation,
        _ record: PushRecord?
    ) async -> Delivery {
        let stamp = UInt64(max(0, Date.now.timeIntervalSince1970 * 1_000))
        let id = RequestID.fresh(for: .sendMessage, stamp: stamp)
        let charge = Charge(conversation: conversation, item: .push)
        let delivery = await send(.sendMessage, id, charge: charge, record: record) {
            () throws(WireError) in try message.frameBody(to: conversation)
        }
        guard case .refused(let reason) = delivery, reason.code == ErrorCode.invalidChatID.rawValue else {
            return delivery
        }
        let advice = "the bot is not in that conversation, or somebody must write there first"
        return .refused(.init(code: reason.code, "\(reason.message): \(advice)"))
    }

    /// Answers a message with one that is not a stream.
    ///
    /// - Parameter validUntil: When answers to it are no longer taken, if that is known.
    nonisolated func respond(
        to requestID: RequestID,
        with message: OutboundMessage,
        in conversation: Conversation,
        validUntil: ContinuousClock.Instant?,
        record: PushRecord?
    ) async -> Delivery {
        let charge = Charge(conversation: conversation, item: .push)
        return await send(.respondMessage, requestID, validUntil: validUntil, charge: charge, record: record) {
            () throws(WireError) in try message.frameBody()
        }
    }

    /// Answers an event, ahead of everything that waits, and not after `validUntil`.
    nonisolated func answer(
        _ requestID: RequestID,
        by command: Command,
        with message: OutboundMessage,
        validUntil: ContinuousClock.Instant
    ) async -> Delivery {
        await send(command, requestID, priority: .high, validUntil: validUntil) {
            () throws(WireError) in try message.frameBody()
        }
    }

    private nonisolated func send(
        _ command: Command,
        _ requestID: RequestID,
        priority: FrameWrite.Priority = .normal,
        validUntil: ContinuousClock.Instant? = nil,
        charge: Charge? = nil,
        record: PushRecord? = nil,
        _ body: () throws(WireError) -> [String: JSONTree]
    ) async -> Delivery {
        let bytes: [UInt8]
        do throws(WireError) {
            bytes = try FrameCodec().encode(.message(command, requestID, body: body()))
        } catch {
            return .refused(Delivery.Reason(error.message))
        }
        // Nobody can have seen it; if it was refused another way, neither.
        record?.waits()
        return await send(
            Request(
                requestID: requestID,
                bytes: bytes,
                kind: .once,
                priority: priority,
                validUntil: validUntil,
                charge: charge,
                isRecorded: record != nil
            ),
            record: record
        )
    }
}

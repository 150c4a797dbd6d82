import BotCore
import BotFoundation
import FoundationEssentials

/// What the bodies of messages and events have in common. Everything may be missing.
struct CallbackFields: Sendable, Hashable, Decodable {
    /// `chattype`. Open.
    struct ChatType: RawRepresentable, Sendable, Hashable {
        let rawValue: String

        init(rawValue: String) {
            self.rawValue = rawValue
        }

        static let single = ChatType(rawValue: "single")
        static let group = ChatType(rawValue: "group")
    }

    /// `msgid`: unique, and the same when the platform delivers twice.
    let messageID: String?
    /// `aibotid`: which bot.
    let botID: String?
    /// `chatid`: in groups only. Case sensitive.
    let chatID: String?
    let chatType: ChatType?
    /// `from.userid`.
    let userID: String?
    /// `from.corpid`: for bots that serve several corporations.
    let corporationID: String?
    /// `create_time`: Unix seconds.
    let createTime: Int?
    /// `response_url`: signed.
    let responseURL: Secret?
    /// `msgtype`.
    let messageType: String

    private enum Key: String, CodingKey {
        case msgid, aibotid, chatid, chattype, from, msgtype
        case createTime = "create_time"
        case responseURL = "response_url"
    }

    private enum FromKey: String, CodingKey { case userid, corpid }

    private struct From: Decodable {
        let userID: String?
        let corporationID: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: FromKey.self)
            userID = container.tolerantString(.userid)
            corporationID = container.tolerantString(.corpid)
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        messageID = container.tolerantString(.msgid)
        botID = container.tolerantString(.aibotid)
        chatID = container.tolerantString(.chatid)
        chatType = container.tolerant(String.self, .chattype).map(ChatType.init)
        let from = container.tolerant(From.self, .from)
        userID = from?.userID
        corporationID = from?.corporationID
        createTime = container.tolerantInt(.createTime)
        responseURL = container.tolerant(String.self, .responseURL).map { Secret($0) }
        messageType = container.tolerant(String.self, .msgtype) ?? ""
    }
}

extension CallbackFields {
    /// Whether it comes from a group.
    var isGroup: Bool { chatType == .group || (chatType != .single && chatID?.isEmpty == false) }

    /// Where it comes from; `nil` if it does not say: a group without `chatid`, or a single chat without `from.userid`.
    var conversation: Conversation? {
        guard let id = isGroup ? chatID : userID, !id.isEmpty else { return nil }
        return Conversation(kind: isGroup ? .group : .single, id: id)
    }
}

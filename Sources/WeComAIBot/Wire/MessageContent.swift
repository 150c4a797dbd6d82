import BotFoundation
import FoundationEssentials

/// What a message, a part of one or a quote is made of.
enum MessageContent: Sendable, Hashable {
    case text(String)
    case image(MediaReference)
    /// Texts and images in the order in which the user put them.
    case mixed([MessageContent])
    /// Speech, already transcribed; there is no audio.
    case voice(transcript: String)
    case file(MediaReference)
    case video(MediaReference)
    /// A type this version does not know, by its name.
    case unknown(type: String)

    /// The platform's name of it.
    var type: String {
        switch self {
        case .text: "text"
        case .image: "image"
        case .mixed: "mixed"
        case .voice: "voice"
        case .file: "file"
        case .video: "video"
        case .unknown(let type): type
        }
    }
}

/// Where a picture, file or video is, for the five minutes that its address is valid.
struct MediaReference: Sendable, Hashable {
    /// The signed address.
    let url: Secret?
    /// The key that the download is encrypted with.
    let aesKey: Secret?
    /// Not documented; usually the name comes with the download.
    let fileName: String?
}

extension MessageContent: Decodable {
    private enum Key: String, CodingKey {
        case msgtype, text, image, mixed, voice, file, video
    }

    private struct Text: Decodable {
        let content: String

        private enum Key: String, CodingKey { case content }

        init(from decoder: any Decoder) throws {
            content = try decoder.container(keyedBy: Key.self).tolerant(String.self, .content) ?? ""
        }
    }

    private struct Mixed: Decodable {
        let parts: [MessageContent]

        private enum Key: String, CodingKey { case items = "msg_item" }

        init(from decoder: any Decoder) throws {
            parts = try decoder.container(keyedBy: Key.self).tolerantArray(of: MessageContent.self, .items)
        }
    }

    /// Reads an object with a `msgtype` and, under that name, what belongs to it. What is missing is empty; only a text that
    /// is not there at all is not a text.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let type = container.tolerant(String.self, .msgtype) ?? ""
        func media(_ key: Key) -> MediaReference {
            container.tolerant(MediaReference.self, key) ?? MediaReference(url: nil, aesKey: nil, fileName: nil)
        }
        switch type {
        case "text":
            guard let text = container.tolerant(Text.self, .text) else { self = .unknown(type: type); return }
            self = .text(text.content)
        case "image": self = .image(media(.image))
        case "mixed": self = .mixed(container.tolerant(Mixed.self, .mixed)?.parts ?? [])
        case "voice": self = .voice(transcript: container.tolerant(Text.self, .voice)?.content ?? "")
        case "file": self = .file(media(.file))
        case "video": self = .video(media(.video))
        default: self = .unknown(type: type)
        }
    }
}

extension MediaReference: Decodable {
    private enum Key: String, CodingKey {
        case url, aeskey, filename, fileName, name, title
        case pictureURL = "pic_url"
        case snakeCaseFileName = "file_name"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func string(_ keys: Key...) -> String? {
            keys.lazy.compactMap { container.tolerant(String.self, $0) }.first
        }
        url = string(.url, .pictureURL).map { Secret($0) }
        aesKey = string(.aeskey).map { Secret($0) }
        fileName = string(.filename, .snakeCaseFileName, .fileName, .name, .title)
    }
}

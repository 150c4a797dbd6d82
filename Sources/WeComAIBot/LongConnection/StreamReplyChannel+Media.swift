internal import BotCore
internal import BotFoundation

extension StreamReplyChannel {
    func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        try await connection.upload(source, as: kind, name: name, progress: progress)
    }
}

// MARK: Images of the answer

// A stream shows none over the long connection (official doc 101463): each is a message of its own.
extension StreamReplyChannel {
    func attach(_ image: AttachedImage) throws(UploadError) {
        try UploadRules.checkSize(image.bytes.count, of: .image)
        try images.withLock { images throws(UploadError) in
            if images == nil { throw .answerEnded }
            images?.append(image)
        }
    }

    /// One after another, so that they come in order. One that is refused does not keep the others back.
    func sendImages() async -> Delivery? {
        let images = images.withLock { images in
            defer { images = nil }
            return images ?? []
        }
        var worst: Delivery?
        for (image, number) in zip(images, 1...) {
            let delivery = await send(image, number).said(of: "image \(number) of \(images.count)")
            worst = worst?.worse(delivery) ?? delivery
        }
        return worst
    }

    private func send(_ image: AttachedImage, _ number: Int) async -> Delivery {
        do throws(UploadError) {
            let name = "image-\(number).\(image.type.fileExtension ?? "png")"
            let media = try await upload(.bytes(image.bytes), as: .image, name: name, progress: nil)
            return await send(.media(media))
        } catch {
            return .refused(Delivery.Reason(code: error.serverCode, error.message))
        }
    }
}

extension Delivery {
    /// The same, with the reason saying of what.
    func said(of what: String) -> Delivery {
        func named(_ reason: Reason) -> Reason { Reason(code: reason.code, "\(what): \(reason.message)") }
        return switch self {
        case .delivered: .delivered
        case .redirected(let reason): .redirected(named(reason))
        case .refused(let reason): .refused(named(reason))
        case .unknown(let reason): .unknown(named(reason))
        }
    }
}

extension Reply {
    /// Puts an image at the end of the answer, behind those that were attached before. Call it at any time before the answer ends; it
    /// never waits for the network.
    ///
    /// At most ten images of at most 10 MiB each (official doc 101031). In webhook mode they are in the bubble, which shows them when it
    /// is finished; over the long connection they are messages of their own behind the text, which does not wait for them. An answer
    /// that has images needs no text.
    ///
    /// In webhook mode all of them go in one response, for which the platform waits 5 s: small ones are safer.
    ///
    /// What became of them is part of the outcome of ``finish()``: it is not ``Delivery/delivered`` if an image was not, even if the
    /// text was. A restart forgets those that are not on their way yet, and the text of such an answer is still brought to its end.
    ///
    /// - Parameter bytes: PNG or JPEG, as it is in its file.
    /// - Throws: ``UploadError`` with code `too-large` or `wrong-format`; `too-many` for the eleventh; `ended` if the answer has ended,
    ///   or the bubble that was to show the image has; `no-room` if the images of all open answers take too much memory;
    ///   `not-supported` where there are no images.
    public func attach(image bytes: [UInt8]) async throws(UploadError) {
        guard let channel else { throw UploadError(.notSupported, "no images are taken here") }
        try stream.attach(AttachedImage(bytes), through: channel)
    }
}

extension ReplyChannel {
    /// Refused.
    public func attach(_ image: AttachedImage) throws(UploadError) {
        throw UploadError(.notSupported, "this channel takes no images")
    }

    /// There are none.
    public func sendImages() async -> Delivery? { nil }
}

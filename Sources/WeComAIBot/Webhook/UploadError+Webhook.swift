package import BotCore

extension UploadError {
    /// What an upload in webhook mode comes to.
    package static var notInWebhookMode: UploadError {
        UploadError(
            .notSupported,
            "a callback address takes no files: uploads need the long connection (WECOM_CONNECTION_MODE)"
        )
    }
}

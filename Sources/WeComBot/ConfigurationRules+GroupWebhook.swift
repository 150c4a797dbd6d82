internal import BotFoundation
internal import LWSTransport
internal import WeComAIBot

/// The rules of the group webhook.
extension ConfigurationRules {
    /// `nil` for an empty URL, which means none.
    static func groupWebhook(
        _ url: String,
        allowedOrigins: [MediaOrigin]
    ) throws(ConfigurationFault) -> GroupWebhookAddress? {
        let url = url.trimmed
        guard !url.isEmpty else { return nil }
        do {
            return try GroupWebhookAddress(Secret(url), allowedOrigins: allowedOrigins)
        } catch {
            throw ConfigurationFault(error)
        }
    }

    /// All answers can only go where there is something.
    static func onlyGroupWebhook(_ isOnlyWay: Bool, hasURL: Bool) throws(ConfigurationFault) {
        guard isOnlyWay, !hasURL else { return }
        let setting = ConfigurationSetting.groupWebhookURL
        throw ConfigurationFault(
            "needs a group webhook; set \(setting.variable), or \(setting.keys[0]) in the file, to its URL, or leave this out"
        )
    }
}

/// The names of one setting.
struct ConfigurationSetting {
    /// In the file; the first that has a value wins.
    let keys: [String]
    /// In the environment; wins over the file.
    let variable: String

    static let mode = ConfigurationSetting(keys: ["wecom_ai_bot_connection_mode"], variable: "WECOM_CONNECTION_MODE")
    static let botID = ConfigurationSetting(
        keys: ["wecomaibot_ws_bot_id", "long_connection_bot_id"],
        variable: "WECOM_BOT_ID"
    )
    static let secret = ConfigurationSetting(
        keys: ["wecomaibot_ws_secret", "long_connection_secret"],
        variable: "WECOM_BOT_SECRET"
    )
    static let webSocketURL = ConfigurationSetting(keys: ["wecomaibot_ws_url"], variable: "WECOM_WS_URL")
    static let certificateAuthorityFile = ConfigurationSetting(keys: ["wecomaibot_ca_file"], variable: "WECOM_CA_FILE")
    static let heartbeatInterval = ConfigurationSetting(
        keys: ["wecomaibot_heartbeat_interval"],
        variable: "WECOM_HEARTBEAT_SECONDS"
    )
    static let onDisplaced = ConfigurationSetting(keys: ["wecomaibot_on_displaced"], variable: "WECOM_ON_DISPLACED")
    static let streamWindow = ConfigurationSetting(
        keys: ["wecomaibot_stream_window"],
        variable: "WECOM_STREAM_WINDOW_SECONDS"
    )
    static let mergeWindow = ConfigurationSetting(keys: ["wecomaibot_merge_window"], variable: "WECOM_MERGE_WINDOW")
    static let duplicateWindow = ConfigurationSetting(
        keys: ["wecomaibot_duplicate_window"],
        variable: "WECOM_DUPLICATE_WINDOW_SECONDS"
    )
    static let botName = ConfigurationSetting(keys: ["wecom_ai_bot_name"], variable: "WECOM_BOT_NAME")
    static let mediaAllowedOrigins = ConfigurationSetting(
        keys: ["wecomaibot_media_allowed_origins"],
        variable: "WECOM_MEDIA_ALLOWED_ORIGINS"
    )
    static let httpProxy = ConfigurationSetting(keys: ["wecomaibot_proxy"], variable: "WECOM_PROXY")
    static let ratePerMinute = ConfigurationSetting(
        keys: ["wecomaibot_rate_per_minute"],
        variable: "WECOM_RATE_PER_MINUTE"
    )
    static let ratePerHour = ConfigurationSetting(keys: ["wecomaibot_rate_per_hour"], variable: "WECOM_RATE_PER_HOUR")
    static let refreshesCost = ConfigurationSetting(
        keys: ["wecomaibot_refreshes_cost"],
        variable: "WECOM_REFRESHES_COST"
    )
    static let statusPort = ConfigurationSetting(keys: ["wecomaibot_status_port"], variable: "WECOM_STATUS_PORT")
    static let statusHost = ConfigurationSetting(keys: ["wecomaibot_status_host"], variable: "WECOM_STATUS_HOST")
    static let token = ConfigurationSetting(keys: ["token", "wecomaibot_token"], variable: "WECOM_TOKEN")
    static let encodingAESKey = ConfigurationSetting(
        keys: ["encoding_aes_key", "wecomaibot_encoding_aes_key"],
        variable: "WECOM_ENCODING_AES_KEY"
    )
    static let callbackHost = ConfigurationSetting(keys: ["callback_server_host"], variable: "WECOM_CALLBACK_HOST")
    static let callbackPort = ConfigurationSetting(keys: ["port"], variable: "WECOM_CALLBACK_PORT")
    static let callbackCertificateFile = ConfigurationSetting(
        keys: ["wecomaibot_callback_certificate_file"],
        variable: "WECOM_CALLBACK_CERTIFICATE_FILE"
    )
    static let callbackKeyFile = ConfigurationSetting(
        keys: ["wecomaibot_callback_key_file"],
        variable: "WECOM_CALLBACK_KEY_FILE"
    )
    static let firstText = ConfigurationSetting(
        keys: ["wecomaibot_init_respond_text"],
        variable: "WECOM_INIT_RESPOND_TEXT"
    )
    static let groupWebhookURL = ConfigurationSetting(
        keys: ["msg_push_webhook_url"],
        variable: "WECOM_PUSH_WEBHOOK_URL"
    )
    static let onlyUsesGroupWebhook = ConfigurationSetting(
        keys: ["only_use_webhook_url_to_send"],
        variable: "WECOM_ONLY_USE_PUSH_WEBHOOK"
    )
    static let logLevel = ConfigurationSetting(keys: ["log_level"], variable: "WECOM_LOG_LEVEL")

    static let logFormat = ConfigurationSetting(keys: ["log_format"], variable: "WECOM_LOG_FORMAT")
    static let stateFile = ConfigurationSetting(keys: ["wecomaibot_state_file"], variable: "WECOM_STATE_FILE")
    static let sharedStateURL = ConfigurationSetting(
        keys: ["wecomaibot_shared_state_url"],
        variable: "WECOM_SHARED_STATE_URL"
    )
    static let shutdownDeadline = ConfigurationSetting(
        keys: ["wecomaibot_shutdown_seconds"],
        variable: "WECOM_SHUTDOWN_SECONDS"
    )

    static let all = [
        mode, botID, secret, token, encodingAESKey, callbackHost, callbackPort, callbackCertificateFile,
        callbackKeyFile, firstText, webSocketURL, certificateAuthorityFile, heartbeatInterval, onDisplaced,
        streamWindow, mergeWindow, duplicateWindow, botName, mediaAllowedOrigins, groupWebhookURL, onlyUsesGroupWebhook,
        httpProxy, ratePerMinute, ratePerHour, refreshesCost, stateFile, sharedStateURL, statusPort, statusHost,
        logLevel, logFormat, shutdownDeadline,
    ]

    /// The variable that holds the path of the file.
    static let fileVariable = "WECOM_CONFIG"

    /// What AstrBot's platform block also holds: accepted with any value, without effect in this version.
    private static let unusedKeys = [
        "id", "type", "enable", "hint",
        "wecomaibot_friend_message_welcome_text",
        "unified_webhook_mode", "webhook_uuid",
    ]

    static let knownKeys = all.flatMap(\.keys) + unusedKeys
    static let knownVariables = all.map(\.variable) + [fileVariable]

    /// What to say of a name that is not in `known`.
    static func complaint(about name: String, known: [String]) -> String {
        if let setting = all.first(where: { $0.variable == name }) {
            return "unknown key: this is the name of the environment variable; in a file write \(setting.keys[0])"
        }
        guard let nearest = nearest(to: name, in: known) else { return "unknown key; remove it" }
        return "unknown key; did you mean \(nearest)?"
    }

    /// The name that is fewest edits away, unless that is more than a third of it.
    private static func nearest(to name: String, in known: [String]) -> String? {
        // Nothing longer can be near; the bound keeps a hostile file from costing time.
        guard name.utf8.count <= 64 else { return nil }
        let candidates = known.map { (name: $0, distance: editDistance(name.lowercased(), $0.lowercased())) }
        guard let best = candidates.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= best.name.utf8.count / 3 ? best.name : nil
    }

    /// Levenshtein's distance, over bytes.
    private static func editDistance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (i, leftByte) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, rightByte) in right.enumerated() {
                let substituted = diagonal + (leftByte == rightByte ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}

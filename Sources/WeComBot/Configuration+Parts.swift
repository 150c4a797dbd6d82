internal import BotCore
internal import BotFoundation
internal import LWSTransport
internal import WeComAIBot

extension Configuration {
    /// What the long connection needs, checked.
    func longConnection() throws(ConfigurationError) -> LongConnectionConfiguration {
        try validate()
        func checked<Value>(_ property: String, _ make: () throws(ConfigurationFault) -> Value)
            throws(ConfigurationError) -> Value
        {
            do { return try make() } catch {
                throw ConfigurationError(problems: [Configuration.problem(property, error)])
            }
        }
        var connection = LongConnectionConfiguration(
            botID: botID.trimmed,
            secret: Secret(secret.value.trimmed),
            endpoint: try checked("webSocketURL") { () throws(ConfigurationFault) in
                try ConfigurationRules.endpoint(webSocketURL)
            }
        )
        connection.trust = try checked("certificateAuthorityFile") { () throws(ConfigurationFault) in
            try ConfigurationRules.trust(certificateAuthorityFile ?? "")
        }
        connection.proxy = httpProxy?.proxy
        connection.heartbeatInterval = heartbeatInterval
        connection.displacementPolicy = onDisplaced
        connection.rateLimits = RateLimits(
            perMinute: ratePerMinute,
            perHour: ratePerHour,
            refreshesCost: refreshesCost
        )
        connection.streamWindow = streamWindow
        return connection
    }

    /// What the dispatcher needs.
    var dispatcher: DispatcherConfiguration {
        var dispatcher = DispatcherConfiguration()
        if let apologyText { dispatcher.apology = apologyText }
        if let busyText { dispatcher.busyText = busyText }
        if let interruptedText { dispatcher.interruptedText = interruptedText }
        return dispatcher
    }
}

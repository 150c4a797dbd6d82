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
        connection.mediaProxies = mediaProxies
        connection.heartbeatInterval = heartbeatInterval
        connection.displacementPolicy = onDisplaced
        connection.rateLimits = RateLimits(
            perMinute: ratePerMinute,
            perHour: ratePerHour,
            refreshesCost: refreshesCost
        )
        connection.streamWindow = streamWindow
        connection.botName = botName.trimmed
        connection.mediaOrigins = try checked("mediaAllowedOrigins") { () throws(ConfigurationFault) in
            var origins: [MediaOrigin] = []
            for (index, origin) in mediaAllowedOrigins.enumerated() {
                origins.append(try ConfigurationRules.origin(origin, number: index + 1))
            }
            return origins
        }
        return connection
    }

    /// Where the bot tells its state; nil for nowhere. Checked.
    var statusServer: HTTPServerConfiguration? {
        guard statusPort != 0 else { return nil }
        var server = StatusEndpoint.server
        server.host = statusHost.trimmed
        server.port = statusPort
        return server
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

internal import BotCore
internal import BotCrypto
internal import BotFoundation
internal import BotRedis
internal import LWSTransport
internal import WeComAIBot

extension Configuration {
    /// What the channel of its mode needs, checked.
    func channel() throws(ConfigurationError) -> ChannelConfiguration {
        mode == .webhook
            ? .webhook(try webhook())
            : .longConnection(try longConnection(), callback: try callbackServer(port: callbackPort))
    }

    private func checked<Value>(
        _ property: String,
        _ make: () throws(ConfigurationFault) -> Value
    ) throws(ConfigurationError) -> Value {
        do { return try make() } catch {
            throw ConfigurationError(problems: [Configuration.problem(property, error)])
        }
    }

    /// What webhook mode needs, checked.
    func webhook() throws(ConfigurationError) -> WebhookServerConfiguration {
        try validate()
        var endpoint = try checked("encodingAESKey") { () throws(ConfigurationFault) in
            do throws(CryptoError) {
                return try WebhookConfiguration(
                    token: Secret(token.value.trimmed),
                    encodingAESKey: Secret(encodingAESKey.value.trimmed)
                )
            } catch {
                throw ConfigurationFault("is \(error.message)")
            }
        }
        endpoint.firstText = firstText.flatMap { $0.trimmed.isEmpty ? nil : $0 }
        endpoint.streamWindow = streamWindow
        endpoint.botName = botName.trimmed
        let server = try callbackServer(port: callbackPort ?? Self.defaultCallbackPort)
        // A host that carries the requests has its own paths.
        endpoint.path = server == nil ? nil : WebhookConfiguration.defaultPath
        var webhook = WebhookServerConfiguration(endpoint: endpoint, server: server)
        webhook.client.trust = try trust()
        webhook.media.allowedOrigins = try mediaOrigins()
        webhook.media.trust = webhook.client.trust
        webhook.media.proxies = mediaProxies
        webhook.groupWebhook = try groupWebhook(trust: webhook.client.trust)
        webhook.shared = try sharedState()
        return webhook
    }

    /// What several processes share; `nil` for nothing. Checked; nothing is connected to yet.
    private func sharedState() throws(ConfigurationError) -> RedisStreamStore? {
        let address = try checked("sharedStateURL") { () throws(ConfigurationFault) in
            try ConfigurationRules.sharedState(sharedStateURL.value)
        }
        guard let address else { return nil }
        // Two bots on one server do not meet, and nobody who sees a key learns anything: the EncodingAESKey cannot be guessed.
        let space = try checked("encodingAESKey") { () throws(ConfigurationFault) in
            do throws(CryptoError) {
                return try AESKey(encodingAESKey).fingerprint(salt: token.value.trimmed)
            } catch {
                throw ConfigurationFault("cannot be used here: \(error.message)")
            }
        }
        return RedisStreamStore(address, space: String(space.prefix(32)))
    }

    private func trust() throws(ConfigurationError) -> TrustRoots {
        try checked("certificateAuthorityFile") { () throws(ConfigurationFault) in
            try ConfigurationRules.trust(certificateAuthorityFile ?? "")
        }
    }

    /// Where the callback address is; `nil` for nowhere.
    private func callbackServer(port: UInt16?) throws(ConfigurationError) -> HTTPServerConfiguration? {
        guard let port, port != 0 else { return nil }
        var server = WebhookServerConfiguration.limits
        server.host = callbackHost.trimmed
        server.port = port
        let certificate = try checked("callbackCertificateFile") { () throws(ConfigurationFault) in
            try ConfigurationRules.pem(callbackCertificateFile ?? "", of: "CERTIFICATE")
        }
        let key = try checked("callbackKeyFile") { () throws(ConfigurationFault) in
            try ConfigurationRules.pem(callbackKeyFile ?? "", of: "PRIVATE KEY")
        }
        if let certificate, let key { server.tls = (certificatePEM: certificate, privateKeyPEM: key) }
        return server
    }

    /// What the long connection needs, checked.
    func longConnection() throws(ConfigurationError) -> LongConnectionConfiguration {
        try validate()
        var connection = LongConnectionConfiguration(
            botID: botID.trimmed,
            secret: Secret(secret.value.trimmed),
            endpoint: try checked("webSocketURL") { () throws(ConfigurationFault) in
                try ConfigurationRules.endpoint(webSocketURL)
            }
        )
        connection.trust = try trust()
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
        connection.mediaOrigins = try mediaOrigins()
        connection.groupWebhook = try groupWebhook(trust: connection.trust)
        return connection
    }

    private func mediaOrigins() throws(ConfigurationError) -> [MediaOrigin] {
        try checked("mediaAllowedOrigins") { () throws(ConfigurationFault) in
            try ConfigurationRules.origins(mediaAllowedOrigins)
        }
    }

    /// Where the group webhook is; `nil` for nowhere. Checked.
    private func groupWebhook(trust: TrustRoots) throws(ConfigurationError) -> GroupWebhookConfiguration? {
        let origins = try mediaOrigins()
        let address = try checked("groupWebhookURL") { () throws(ConfigurationFault) in
            try ConfigurationRules.groupWebhook(groupWebhookURL.value, allowedOrigins: origins)
        }
        guard let address else { return nil }
        var webhook = GroupWebhookConfiguration(address: address)
        webhook.isOnlyWay = onlyUsesGroupWebhook
        webhook.trust = trust
        webhook.proxies = mediaProxies
        return webhook
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
        dispatcher.mergeWindow = mergeWindow
        dispatcher.duplicateTimeToLive = duplicateWindow
        // Later, neither the bubble nor the message's response_url can be reached.
        if mode == .webhook { dispatcher.replyWindow = WebhookConfiguration.replyWindow }
        return dispatcher
    }
}

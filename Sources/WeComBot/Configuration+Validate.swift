internal import BotFoundation
internal import WeComAIBot

extension Configuration {
    /// Checks every field, reading ``certificateAuthorityFile`` if there is one.
    ///
    /// - Throws: ``ConfigurationError`` with all problems, each under the name of its property.
    public func validate() throws(ConfigurationError) {
        var problems: [ConfigurationError.Problem] = []
        func check(_ property: String, _ rule: () throws(ConfigurationFault) -> Void) {
            do { try rule() } catch { problems.append(Configuration.problem(property, error)) }
        }
        if mode == .webhook {
            check("token") { () throws(ConfigurationFault) in _ = try ConfigurationRules.token(token.value) }
            check("encodingAESKey") { () throws(ConfigurationFault) in
                _ = try ConfigurationRules.encodingAESKey(encodingAESKey.value)
            }
        } else {
            check("botID") { () throws(ConfigurationFault) in _ = try ConfigurationRules.token(botID) }
            check("secret") { () throws(ConfigurationFault) in _ = try ConfigurationRules.token(secret.value) }
        }
        check("callbackHost") { () throws(ConfigurationFault) in _ = try ConfigurationRules.address(callbackHost) }
        check("callbackCertificateFile") { () throws(ConfigurationFault) in
            let (certificate, key) = (callbackCertificateFile ?? "", callbackKeyFile ?? "")
            _ = try ConfigurationRules.pem(certificate, of: "CERTIFICATE")
            try ConfigurationRules.pair(certificate: certificate, key: key)
        }
        check("callbackKeyFile") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.pem(callbackKeyFile ?? "", of: "PRIVATE KEY")
        }
        check("firstText") { () throws(ConfigurationFault) in _ = try ConfigurationRules.firstText(firstText ?? "") }
        check("webSocketURL") { () throws(ConfigurationFault) in _ = try ConfigurationRules.endpoint(webSocketURL) }
        check("certificateAuthorityFile") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.certificateAuthorityFile(certificateAuthorityFile ?? "")
        }
        check("heartbeatInterval") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.time(heartbeatInterval, in: Configuration.heartbeatLimits)
        }
        check("streamWindow") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.time(streamWindow, in: Configuration.streamWindowLimits)
        }
        check("mergeWindow") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.time(mergeWindow, in: Configuration.mergeWindowLimits)
        }
        check("duplicateWindow") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.time(duplicateWindow, in: Configuration.duplicateWindowLimits)
        }
        check("botName") { () throws(ConfigurationFault) in _ = try ConfigurationRules.name(botName) }
        var origins: [MediaOrigin] = []
        for (index, origin) in mediaAllowedOrigins.enumerated() {
            check("mediaAllowedOrigins") { () throws(ConfigurationFault) in
                origins.append(try ConfigurationRules.origin(origin, number: index + 1))
            }
        }
        check("groupWebhookURL") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.groupWebhook(groupWebhookURL.value, allowedOrigins: origins)
        }
        check("onlyUsesGroupWebhook") { () throws(ConfigurationFault) in
            let hasURL = !groupWebhookURL.value.trimmed.isEmpty
            try ConfigurationRules.onlyGroupWebhook(onlyUsesGroupWebhook, hasURL: hasURL)
        }
        check("ratePerMinute") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.count(ratePerMinute, in: Configuration.ratePerMinuteLimits)
        }
        check("ratePerHour") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.count(ratePerHour, in: Configuration.ratePerHourLimits)
        }

        check("shutdownDeadline") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.time(shutdownDeadline, in: Configuration.shutdownLimits)
        }
        check("stateFile") { () throws(ConfigurationFault) in _ = try ConfigurationRules.stateFile(stateFile ?? "") }
        check("sharedStateURL") { () throws(ConfigurationFault) in
            _ = try ConfigurationRules.sharedState(sharedStateURL.value)
        }
        check("statusHost") { () throws(ConfigurationFault) in _ = try ConfigurationRules.address(statusHost) }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
    }

    static func problem(_ property: String, _ fault: ConfigurationFault) -> ConfigurationError.Problem {
        ConfigurationError.Problem(key: property, source: "Configuration", message: fault.message)
    }
}

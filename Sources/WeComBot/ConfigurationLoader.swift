import BotFoundation
import WeComAIBot

/// Puts a configuration together from a file and the environment, collecting every problem on the way.
struct ConfigurationLoader {
    private typealias Problem = ConfigurationError.Problem

    /// Where a setting was found.
    private struct Origin {
        let key: String
        let source: String
    }

    private let environment: [String: String]
    private var path: String?
    private var file: ConfigurationFile?
    private var problems: [Problem] = []

    private static let environmentSource = "environment"

    /// The configuration, or everything that is wrong with it.
    static func load(file: String?, environment: [String: String]) throws(ConfigurationError) -> Configuration {
        var loader = ConfigurationLoader(environment: environment)
        loader.readFile(file)
        let configuration = loader.readSettings()
        loader.complainAboutUnknownNames()
        guard loader.problems.isEmpty else { throw ConfigurationError(problems: loader.problems) }
        return configuration
    }

    private init(environment: [String: String]) {
        self.environment = environment
    }

    private mutating func readFile(_ argument: String?) {
        let variable = environment[ConfigurationSetting.fileVariable].flatMap { $0.isEmpty ? nil : $0 }
        guard let path = argument ?? variable else { return }
        self.path = path
        do {
            file = try ConfigurationFile(path: path)
        } catch {
            let key = argument == nil ? ConfigurationSetting.fileVariable : "file"
            problems.append(Problem(key: key, source: path, message: error.message))
        }
    }

    private mutating func readSettings() -> Configuration {
        var configuration = Configuration(botID: "", secret: Secret(""))
        let problemCount = problems.count
        read(.mode, into: &configuration.mode) { value throws(ConfigurationFault) in
            try ConfigurationRules.mode(named: value.string())
        }
        // With a mode that nobody knows, the credentials tell which was meant.
        let isGuess = problems.count > problemCount && find(.token) != nil && find(.botID) == nil
        if configuration.mode == .webhook || isGuess {
            readCallbackCredentials(into: &configuration)
        } else {
            readConnectionCredentials(into: &configuration)
        }
        readCallbackAddress(into: &configuration)
        read(.webSocketURL, into: &configuration.webSocketURL) { value throws(ConfigurationFault) in
            let text = try value.string().trimmed
            _ = try ConfigurationRules.endpoint(text)
            return text
        }
        read(.certificateAuthorityFile, into: &configuration.certificateAuthorityFile) {
            value throws(ConfigurationFault) in
            try ConfigurationRules.certificateAuthorityFile(value.string())
        }
        read(.heartbeatInterval, into: &configuration.heartbeatInterval) { value throws(ConfigurationFault) in
            try ConfigurationRules.time(value, in: Configuration.heartbeatLimits)
        }
        read(.streamWindow, into: &configuration.streamWindow) { value throws(ConfigurationFault) in
            try ConfigurationRules.time(value, in: Configuration.streamWindowLimits)
        }
        read(.mergeWindow, into: &configuration.mergeWindow) { value throws(ConfigurationFault) in
            try ConfigurationRules.time(value, in: Configuration.mergeWindowLimits)
        }
        read(.duplicateWindow, into: &configuration.duplicateWindow) { value throws(ConfigurationFault) in
            try ConfigurationRules.time(value, in: Configuration.duplicateWindowLimits)
        }
        read(.onDisplaced, into: &configuration.onDisplaced) { value throws(ConfigurationFault) in
            try ConfigurationRules.displacementPolicy(named: value.string())
        }
        read(.botName, into: &configuration.botName) { value throws(ConfigurationFault) in
            try ConfigurationRules.name(value.string())
        }
        readOrigins(into: &configuration.mediaAllowedOrigins)
        readGroupWebhook(into: &configuration)
        readProxy(into: &configuration)
        read(.statusPort, into: &configuration.statusPort) { value throws(ConfigurationFault) in
            try ConfigurationRules.port(value)
        }
        read(.statusHost, into: &configuration.statusHost) { value throws(ConfigurationFault) in
            try ConfigurationRules.address(value.string())
        }
        read(.logLevel, into: &configuration.logLevel) { value throws(ConfigurationFault) in
            try ConfigurationRules.logLevel(named: value.string())
        }
        read(.ratePerMinute, into: &configuration.ratePerMinute) { value throws(ConfigurationFault) in
            try ConfigurationRules.count(value, in: Configuration.ratePerMinuteLimits)
        }
        read(.ratePerHour, into: &configuration.ratePerHour) { value throws(ConfigurationFault) in
            try ConfigurationRules.count(value, in: Configuration.ratePerHourLimits)
        }
        read(.refreshesCost, into: &configuration.refreshesCost) { value throws(ConfigurationFault) in
            try ConfigurationRules.flag(value)
        }
        read(.stateFile, into: &configuration.stateFile) { value throws(ConfigurationFault) in
            try ConfigurationRules.stateFile(value.string())
        }
        read(.sharedStateURL, into: &configuration.sharedStateURL) { value throws(ConfigurationFault) in
            let url = try value.string().trimmed
            _ = try ConfigurationRules.sharedState(url)
            return Secret(url)
        }
        read(.shutdownDeadline, into: &configuration.shutdownDeadline) { value throws(ConfigurationFault) in
            try ConfigurationRules.time(value, in: Configuration.shutdownLimits)
        }
        read(.logFormat, into: &configuration.logFormat) { value throws(ConfigurationFault) in
            try ConfigurationRules.logFormat(named: value.string())
        }
        return configuration
    }

    /// A list: each entry that is wrong is a problem of its own.
    private mutating func readOrigins(into origins: inout [String]) {
        guard let (value, origin) = find(.mediaAllowedOrigins) else { return }
        var entries: [String] = []
        assign(value, from: origin, to: &entries) { value throws(ConfigurationFault) in
            ConfigurationRules.entries(try value.string())
        }
        for (number, entry) in entries.enumerated() {
            var checked: MediaOrigin?
            assign(.text(entry), from: origin, to: &checked) { value throws(ConfigurationFault) in
                try ConfigurationRules.origin(value.string(), number: number + 1)
            }
            if let checked { origins.append(checked.description) }
        }
    }

    private mutating func readGroupWebhook(into configuration: inout Configuration) {
        let origins = configuration.mediaAllowedOrigins
        read(.groupWebhookURL, into: &configuration.groupWebhookURL) { value throws(ConfigurationFault) in
            let url = try value.string().trimmed
            _ = try ConfigurationRules.groupWebhook(url, allowedOrigins: ConfigurationRules.origins(origins))
            return Secret(url)
        }
        let hasURL = find(.groupWebhookURL) != nil
        read(.onlyUsesGroupWebhook, into: &configuration.onlyUsesGroupWebhook) { value throws(ConfigurationFault) in
            let isOnlyWay = try ConfigurationRules.flag(value)
            try ConfigurationRules.onlyGroupWebhook(isOnlyWay, hasURL: hasURL)
            return isOnlyWay
        }
    }

    private mutating func readConnectionCredentials(into configuration: inout Configuration) {
        require(.botID, what: "the bot's id", into: &configuration.botID) { value throws(ConfigurationFault) in
            try ConfigurationRules.token(value.string())
        }
        require(.secret, what: "the bot's secret", into: &configuration.secret) { value throws(ConfigurationFault) in
            Secret(try ConfigurationRules.token(value.string()))
        }
    }

    private mutating func readCallbackCredentials(into configuration: inout Configuration) {
        require(.token, what: "the callback's Token", into: &configuration.token) { value throws(ConfigurationFault) in
            Secret(try ConfigurationRules.token(value.string()))
        }
        require(.encodingAESKey, what: "the callback's EncodingAESKey", into: &configuration.encodingAESKey) {
            value throws(ConfigurationFault) in
            Secret(try ConfigurationRules.encodingAESKey(value.string()))
        }
    }

    private mutating func readCallbackAddress(into configuration: inout Configuration) {
        read(.callbackHost, into: &configuration.callbackHost) { value throws(ConfigurationFault) in
            try ConfigurationRules.address(value.string())
        }
        read(.callbackPort, into: &configuration.callbackPort) { value throws(ConfigurationFault) in
            try ConfigurationRules.port(value)
        }
        let (hasCertificate, hasKey) = (find(.callbackCertificateFile) != nil, find(.callbackKeyFile) != nil)
        read(.callbackCertificateFile, into: &configuration.callbackCertificateFile) {
            value throws(ConfigurationFault) in
            let path = try value.string()
            _ = try ConfigurationRules.pem(path, of: "CERTIFICATE")
            try ConfigurationRules.pair(certificate: path, key: hasKey ? path : "")
            return path
        }
        read(.callbackKeyFile, into: &configuration.callbackKeyFile) { value throws(ConfigurationFault) in
            let path = try value.string()
            _ = try ConfigurationRules.pem(path, of: "PRIVATE KEY")
            try ConfigurationRules.pair(certificate: hasCertificate ? path : "", key: path)
            return path
        }
        read(.firstText, into: &configuration.firstText) { value throws(ConfigurationFault) in
            try ConfigurationRules.firstText(value.string())
        }
    }

    private mutating func readProxy(into configuration: inout Configuration) {
        let parse = { (value: ConfigurationValue) throws(ConfigurationFault) -> Configuration.HTTPProxy? in
            try Configuration.HTTPProxy(parsing: value.string().trimmed)
        }
        let proxies = EnvironmentProxy.proxies(in: environment)
        if find(.httpProxy) != nil {
            configuration.mediaProxies = proxies  // for its exceptions
            return read(.httpProxy, into: &configuration.httpProxy, parse)
        }
        do {
            let endpoint = try ConfigurationRules.endpoint(configuration.webSocketURL)
            if let variable = EnvironmentProxy.variable(for: endpoint, in: environment) {
                let origin = Origin(key: variable.name, source: ConfigurationLoader.environmentSource)
                assign(.text(variable.value), from: origin, to: &configuration.httpProxy, parse)
            }
        } catch {
            // Reported where the URL was read; there is nothing to choose a proxy for.
        }
        configuration.mediaProxies = proxies
    }

    /// Reads an optional setting: `target` keeps its default if nothing is set.
    private mutating func read<Value>(
        _ setting: ConfigurationSetting,
        into target: inout Value,
        _ parse: (ConfigurationValue) throws(ConfigurationFault) -> Value
    ) {
        guard let found = find(setting) else { return }
        assign(found.value, from: found.origin, to: &target, parse)
    }

    /// Reads a setting that has no default.
    private mutating func require<Value>(
        _ setting: ConfigurationSetting,
        what: String,
        into target: inout Value,
        _ parse: (ConfigurationValue) throws(ConfigurationFault) -> Value
    ) {
        guard find(setting) == nil else { return read(setting, into: &target, parse) }
        // A file that could not be read may well have held it.
        guard path == nil || file != nil else { return }
        let advice = "; set \(setting.variable), or \(setting.keys[0]) in the file, to \(what)"
        let origin = emptyOrigin(of: setting)
        let key = origin?.key ?? setting.variable
        let source = origin?.source ?? ConfigurationLoader.environmentSource
        problems.append(Problem(key: key, source: source, message: (origin == nil ? "not set" : "empty") + advice))
    }

    private mutating func assign<Value>(
        _ value: ConfigurationValue,
        from origin: Origin,
        to target: inout Value,
        _ parse: (ConfigurationValue) throws(ConfigurationFault) -> Value
    ) {
        do {
            target = try parse(value)
        } catch {
            problems.append(Problem(key: origin.key, source: origin.source, message: error.message))
        }
    }

    private func find(_ setting: ConfigurationSetting) -> (value: ConfigurationValue, origin: Origin)? {
        candidates(of: setting).first { !$0.value.isBlank }
    }

    /// Where the setting is mentioned without a value.
    private func emptyOrigin(of setting: ConfigurationSetting) -> Origin? {
        candidates(of: setting).first?.origin
    }

    /// Every mention of the setting, the winning one first.
    private func candidates(of setting: ConfigurationSetting) -> [(value: ConfigurationValue, origin: Origin)] {
        var candidates: [(value: ConfigurationValue, origin: Origin)] = []
        if let text = environment[setting.variable] {
            let origin = Origin(key: setting.variable, source: ConfigurationLoader.environmentSource)
            candidates.append((.text(text), origin))
        }
        for key in setting.keys {
            guard let path, let value = file?.values[key] else { continue }
            candidates.append((value, Origin(key: key, source: path)))
        }
        return candidates
    }

    private mutating func complainAboutUnknownNames() {
        complain(
            about: (file?.values.keys).map(Array.init) ?? [],
            source: path ?? "",
            known: ConfigurationSetting.knownKeys
        )
        complain(
            about: environment.keys.filter { $0.hasPrefix("WECOM_") },
            source: ConfigurationLoader.environmentSource,
            known: ConfigurationSetting.knownVariables
        )
    }

    private mutating func complain(about names: [String], source: String, known: [String]) {
        let accepted = Set(known)
        for name in names.sorted() where !accepted.contains(name) {
            let message = ConfigurationSetting.complaint(about: name, known: known)
            problems.append(Problem(key: name, source: source, message: message))
        }
    }
}

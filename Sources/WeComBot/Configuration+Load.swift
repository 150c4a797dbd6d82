public import FoundationEssentials

extension Configuration {
    /// Reads the configuration: the file first, then the environment, which wins.
    ///
    /// The file is one JSON object of at most 1 MiB. Its keys, the variables and the defaults are in the table at
    /// ``Configuration``. A value that is empty or `null` counts as not set. The other keys of AstrBot's platform block are
    /// accepted without effect; any other key, and any other variable that begins with `WECOM_`, is a problem, because it is
    /// most likely a misspelt one.
    ///
    /// Blocks while it reads the file and the certificate authorities.
    ///
    /// - Parameters:
    ///   - file: The path of the file. `nil` takes it from `WECOM_CONFIG`; without that there is no file.
    ///   - environment: The environment; the process's own unless a test says otherwise.
    /// - Throws: ``ConfigurationError`` with every problem that was found. A program then prints it and exits with
    ///   ``ConfigurationError/exitStatus``.
    public static func load(
        file: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ConfigurationError) -> Configuration {
        var configuration = try ConfigurationLoader.load(file: file, environment: environment)
        configuration.reread = { () throws(ConfigurationError) in try load(file: file, environment: environment) }
        return configuration
    }
}

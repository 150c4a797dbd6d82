internal import LWSTransport

/// What is wrong with one value, before it is known which key it was written under.
struct ConfigurationFault: Error, Hashable {
    let message: String

    init(_ message: String) {
        self.message = message
    }

    init(_ error: TransportError) {
        message = error.message
    }
}

/// When a certificate is valid, as offsets from the moment it is issued, in whole seconds.
///
/// Offsets rather than dates, so that a test can ask for a certificate that has already expired or is not yet valid.
package struct CertificateValidity: Sendable, Hashable {
    /// The first moment of validity, relative to now; negative for the past.
    package let notBefore: Duration
    /// The last moment of validity, relative to now.
    package let notAfter: Duration

    /// Makes a span of validity. Fractions of a second are dropped.
    package init(notBefore: Duration, notAfter: Duration) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// From an hour ago (clocks differ) to thirty days ahead.
    package static let current = CertificateValidity(notBefore: .seconds(-3_600), notAfter: .seconds(30 * 86_400))
    /// Ended an hour ago.
    package static let expired = CertificateValidity(notBefore: .seconds(-86_400), notAfter: .seconds(-3_600))
    /// Begins in an hour.
    package static let notYetValid = CertificateValidity(notBefore: .seconds(3_600), notAfter: .seconds(86_400))
}

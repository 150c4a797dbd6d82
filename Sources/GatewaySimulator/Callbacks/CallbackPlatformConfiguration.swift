package import BotFoundation

/// How the platform treats a callback address.
package struct CallbackPlatformConfiguration: Sendable {
    /// The Token of the callback's settings.
    package var token: Secret
    /// The EncodingAESKey of the callback's settings.
    package var encodingAESKey: Secret
    /// `aibotid`.
    package var botID = "aib-simulated"
    /// Where the callback address is.
    package var path = "/webhook/wecom-ai-bot"
    /// What a `response_url` begins with; a code follows.
    package var responseURL = "https://platform.invalid/cgi-bin/aibot/response?response_code="
    /// What ids begin with.
    package var idPrefix = "sim-" + String(UInt32.random(in: .min ... .max), radix: 16)

    /// How long an answer may take; then the callback is delivered again (official doc 90930).
    package var answerDeadline = Duration.seconds(5)
    /// How often it is.
    package var retries = 3
    /// The time between an answer and the next question what a stream shows (seen in the field).
    package var refreshInterval = Duration.seconds(1)
    /// How long after the message it is asked (official doc 100719).
    package var refreshWindow = Duration.seconds(6 * 60)
    /// How long a `response_url` is valid (official doc 101138).
    package var responseURLLifetime = Duration.seconds(3_600)
    /// The longest content, in UTF-8 bytes (official doc 100719).
    package var maximumContentBytes = 20_480

    /// A platform that knows one callback address.
    package init(token: Secret, encodingAESKey: Secret) {
        self.token = token
        self.encodingAESKey = encodingAESKey
    }
}

internal import BotCore
package import BotFoundation

/// The ways to the user when the platform does not ask for an answer.
package struct WebhookFallback: Sendable {
    /// Posts JSON to a URL, and gives what was answered.
    package typealias Post = @Sendable (_ url: Secret, _ body: [UInt8]) async throws(PostFailure) -> PostAnswer

    /// Posts to a message's `response_url`.
    package var post: Post?
    /// Sends a text to the group webhook that the configuration names, when the `response_url` is used up.
    var push: (@Sendable (_ text: String) async -> Delivery)?

    /// Waits between two attempts that certainly did not get through.
    static let pauses: [Duration] = [.milliseconds(500), .seconds(2)]

    /// No other way.
    package init(post: Post? = nil) {
        self.post = post
    }

    /// Sends one message to a `response_url`.
    ///
    /// - Parameter body: `{"msgtype": …}`, not encrypted.
    func send(_ body: [UInt8], to url: Secret, timeline: Timeline) async -> Delivery {
        guard let post else { return .refused(Delivery.Reason("nothing is posted from here")) }
        var pauses = Self.pauses[...]
        while true {
            do throws(PostFailure) {
                return Self.delivery(try await post(url, body))
            } catch {
                guard !error.mayHaveArrived else {
                    return .unknown(Delivery.Reason("response_url: \(error.message)"))
                }
                guard let pause = pauses.popFirst(), await timeline.passes(pause) else {
                    return .refused(Delivery.Reason("response_url: \(error.message)"))
                }
            }
        }
    }

    private static func delivery(_ answer: PostAnswer) -> Delivery {
        switch answer.status {
        case 200..<300: break
        case 300..<500: return .refused(Delivery.Reason("response_url answered with HTTP status \(answer.status)"))
        default: return .unknown(Delivery.Reason("response_url answered with HTTP status \(answer.status)"))
        }
        do throws(WireError) {
            let verdict = try WebhookCodec().verdict(answer.body)
            guard verdict.code != .ok else { return .delivered }
            return .refused(Delivery.Reason(code: verdict.code.rawValue, "response_url: \(verdict.message)"))
        } catch {
            return .unknown(Delivery.Reason("response_url: \(error.message)"))
        }
    }
}

/// What was answered to a post.
package struct PostAnswer: Sendable {
    package let status: Int
    package let body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// Why a post has no answer.
package struct PostFailure: Error, Sendable {
    /// Whether the far side may have got it all the same.
    package let mayHaveArrived: Bool
    /// What happened; without the URL.
    package let message: String

    package init(mayHaveArrived: Bool, _ message: String) {
        self.mayHaveArrived = mayHaveArrived
        self.message = message
    }
}

extension Timeline {
    /// Lets time pass; `false` if the task is cancelled before it has.
    fileprivate func passes(_ duration: Duration) async -> Bool {
        do {
            try await sleep(until: now + duration)
            return true
        } catch {
            return false
        }
    }
}

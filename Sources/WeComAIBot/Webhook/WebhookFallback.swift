internal import BotCore
package import BotFoundation

/// The ways to the user when the platform does not ask for an answer.
package struct WebhookFallback: Sendable {
    /// Posts JSON to a URL, and gives what was answered.
    package typealias Post = @Sendable (_ url: Secret, _ body: [UInt8]) async throws(PostFailure) -> PostAnswer

    /// Posts to a message's `response_url`.
    package var post: Post?
    /// Takes the answers of groups when the `response_url` is used up; it may be one that is configured nowhere.
    var groupWebhook: GroupWebhook?

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
        do throws(PostFailure) {
            return try await Self.answer(to: body, at: url, by: post, timeline: timeline).delivery(by: "response_url")
        } catch {
            return error.delivery(by: "response_url")
        }
    }

    /// Posts, and posts again what certainly did not get through.
    static func answer(
        to body: [UInt8],
        at url: Secret,
        by post: Post,
        timeline: Timeline
    ) async throws(PostFailure) -> PostAnswer {
        var pauses = pauses[...]
        while true {
            do throws(PostFailure) {
                return try await post(url, body)
            } catch {
                guard !error.mayHaveArrived, let pause = pauses.popFirst(), await timeline.passes(pause) else {
                    throw error
                }
            }
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

    /// What it says about a message.
    ///
    /// - Parameter name: What it was posted to, for people.
    func delivery(by name: String) -> Delivery {
        switch status {
        case 200..<300: break
        case 300..<500: return .refused(Delivery.Reason("\(name) answered with HTTP status \(status)"))
        default: return .unknown(Delivery.Reason("\(name) answered with HTTP status \(status)"))
        }
        do throws(WireError) {
            let verdict = try WebhookCodec().verdict(body)
            guard verdict.code != .ok else { return .delivered }
            return .refused(Delivery.Reason(code: verdict.code.rawValue, "\(name): \(verdict.message)"))
        } catch {
            return .unknown(Delivery.Reason("\(name): \(error.message)"))
        }
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

    /// What it means for a message.
    func delivery(by name: String) -> Delivery {
        let reason = Delivery.Reason("\(name): \(message)")
        return mayHaveArrived ? .unknown(reason) : .refused(reason)
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

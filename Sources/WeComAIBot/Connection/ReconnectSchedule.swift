import BotCore
import BotFoundation

/// When to try again after a connection has ended, for each of the reasons for which it can end.
struct ReconnectSchedule: Sendable {
    private var configuration: ConnectionConfiguration
    private var failures = 0
    private var rejections = 0
    private var rejectedSince: ContinuousClock.Instant?
    private var lastAttempt: ContinuousClock.Instant?
    /// Whether the last attempt was answered, though with no.
    private var wasRefused = false
    /// How often in a row the connection was displaced, without having held its place for long between.
    private(set) var displacements = 0
    private var displacedSince: ContinuousClock.Instant?
    /// Whether two processes are fighting over the place.
    private(set) var isWar = false

    init(_ configuration: ConnectionConfiguration) {
        self.configuration = configuration
    }

    private var afterFailure: Backoff {
        Backoff(base: configuration.reconnectBase, cap: configuration.reconnectCap)
    }

    private var afterRejection: Backoff {
        Backoff(base: configuration.credentialsRetryBase, cap: configuration.credentialsRetryCap, jitter: .equal)
    }

    private var afterDisplacement: Backoff {
        Backoff(base: configuration.displacedRetryBase, cap: configuration.displacedRetryCap, jitter: .equal)
    }

    private var beforeTakingOver: Backoff {
        Backoff(base: configuration.takeOverRetryBase, cap: configuration.takeOverRetryCap, jitter: .equal)
    }

    /// Other times and bounds from now on. What has happened still counts.
    mutating func change(_ configuration: ConnectionConfiguration) {
        self.configuration = configuration
    }

    /// Another place to connect to, or other credentials: nothing that has happened counts any more.
    ///
    /// - Returns: When to try.
    mutating func restart(now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let last = lastAttempt
        self = ReconnectSchedule(configuration)
        lastAttempt = last
        return notTooSoon(now)
    }

    /// An attempt starts now.
    mutating func attempted(now: ContinuousClock.Instant) {
        lastAttempt = now
    }

    /// The server took our credentials.
    mutating func subscribed() {
        rejections = 0
        rejectedSince = nil
    }

    /// When to try again after an end that is nobody's fault.
    ///
    /// - Parameters:
    ///   - readySince: when the connection became ready, if it did.
    ///   - isRefusal: whether the server said that it does not want us now.
    mutating func retryAfterFailure(
        readySince: ContinuousClock.Instant?,
        isRefusal: Bool,
        now: ContinuousClock.Instant,
        using generator: inout SplitMix64
    ) -> ContinuousClock.Instant {
        wasRefused = isRefusal
        if let readySince {
            resetIfStable(readySince: readySince, now: now)
            failures = min(failures, configuration.unstableDoublings)
        }
        let delay = afterFailure.delay(attempt: failures, using: &generator)
        failures += 1
        return notTooSoon(now + delay)
    }

    /// The network came up, or the machine woke: what was in the way may be gone.
    ///
    /// - Returns: When to try; `nil` if that is no reason to try earlier, because the server was reached.
    mutating func networkCameUp(
        now: ContinuousClock.Instant,
        using generator: inout SplitMix64
    ) -> ContinuousClock.Instant? {
        guard !wasRefused else { return nil }
        failures = 0
        // For others behind the same switch it came up in the same moment.
        return notTooSoon(now) + configuration.minimumAttemptGap * Double.random(in: 0..<1, using: &generator)
    }

    /// Another connection took the place.
    ///
    /// - Parameter readySince: when the connection became ready, if it did.
    /// - Returns: Since when that is so.
    mutating func displaced(
        readySince: ContinuousClock.Instant?,
        now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant {
        if let readySince {
            resetIfStable(readySince: readySince, now: now)
            // Two processes that give way to each other are each ready for as long as the other waits. Only a place that was held
            // longer than anybody waits was not being fought for.
            if now - readySince >= configuration.displacedRetryCap * 2 {
                displacements = 0
                displacedSince = nil
                isWar = false
            }
        }
        let since = displacedSince ?? now
        displacedSince = since
        displacements += 1
        if displacements >= configuration.warDisplacements { isWar = true }
        return since
    }

    /// When to try to take the place back.
    func retryAfterDisplacement(
        now: ContinuousClock.Instant,
        using generator: inout SplitMix64
    ) -> ContinuousClock.Instant {
        let delay =
            configuration.displacementPolicy == .takeOver && !isWar
            ? beforeTakingOver.delay(attempt: displacements - 1, using: &generator)
            : afterDisplacement.delay(attempt: 2 * (displacements - 1), using: &generator)
        return notTooSoon(now + delay)
    }

    /// When to try again after the credentials were rejected, and since when they are.
    mutating func retryAfterRejection(
        now: ContinuousClock.Instant,
        using generator: inout SplitMix64
    ) -> (since: ContinuousClock.Instant, retryAt: ContinuousClock.Instant) {
        let since = rejectedSince ?? now
        rejectedSince = since
        let delay = afterRejection.delay(attempt: rejections, using: &generator)
        rejections += 1
        return (since, notTooSoon(now + delay))
    }

    private mutating func resetIfStable(readySince: ContinuousClock.Instant, now: ContinuousClock.Instant) {
        guard now - readySince >= configuration.stablePeriod else { return }
        failures = 0
    }

    private func notTooSoon(_ instant: ContinuousClock.Instant) -> ContinuousClock.Instant {
        lastAttempt.map { max(instant, $0 + configuration.minimumAttemptGap) } ?? instant
    }
}

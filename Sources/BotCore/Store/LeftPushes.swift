/// What is done with the messages that another process left.
package struct LeftPushes: Sendable {
    /// How old one may be that is still sent.
    package static let maximumAge = Duration.seconds(24 * 3_600)

    /// Those that were certainly never written: sent, by conversation in the order in which they were to be.
    package private(set) var waiting: [[SavedPush]] = []
    /// Those that may have arrived: said, by conversation, and not sent.
    package private(set) var doubtful: [[SavedPush]] = []
    /// Those that are older than ``maximumAge``: said, by conversation, and not sent.
    package private(set) var tooOld: [[SavedPush]] = []

    /// - Parameter now: Milliseconds since 1970.
    package init(_ pushes: [SavedPush], now: Int64) {
        let oldest = now.subtractingReportingOverflow(Self.maximumAge.milliseconds)
        var recent: [SavedPush] = []
        var doubtful: [SavedPush] = []
        var tooOld: [SavedPush] = []
        for push in pushes.sorted(by: { $0.number < $1.number }) {
            if push.mayHaveArrived {
                doubtful.append(push)
            } else if !oldest.overflow, push.postedAt < oldest.partialValue {
                tooOld.append(push)
            } else {
                recent.append(push)
            }
        }
        waiting = Self.byConversation(recent)
        self.tooOld = Self.byConversation(tooOld)
        self.doubtful = Self.byConversation(doubtful)
    }

    /// Conversations in the order of their first message.
    private static func byConversation(_ pushes: some Sequence<SavedPush>) -> [[SavedPush]] {
        var groups: [[SavedPush]] = []
        var places: [Conversation: Int] = [:]
        for push in pushes {
            if let place = places[push.conversation] {
                groups[place].append(push)
            } else {
                places[push.conversation] = groups.count
                groups.append([push])
            }
        }
        return groups
    }
}

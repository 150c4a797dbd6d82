/// How often a conversation may be written to.
package struct RateLimits: Sendable, Hashable {
    /// Messages in any 60 seconds; 30 are allowed, answers and pushes together (official doc 101463).
    package var perMinute: Int
    /// Messages in any hour; 1,000 are allowed (official doc 101463).
    package var perHour: Int
    /// Whether each update of a bubble counts, and not only the one that opens it. That updates do not count was observed, and is
    /// not documented: 30 of them in 8.4 s passed.
    package var refreshesCost: Bool

    package init(perMinute: Int = 30, perHour: Int = 1_000, refreshesCost: Bool = false) {
        self.perMinute = perMinute
        self.perHour = perHour
        self.refreshesCost = refreshesCost
    }

    /// How many are left to what must arrive: an intermediate update does not take them. 5 of 30.
    var reserve: Int { perMinute / 6 }
}

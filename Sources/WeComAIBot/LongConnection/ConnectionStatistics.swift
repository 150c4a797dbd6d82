/// What a long connection has seen so far.
package struct ConnectionStatistics: Sendable, Hashable {
    /// Messages handed on.
    package internal(set) var messages = 0
    /// Callbacks that no handler is there for yet: events, and what this version does not know.
    package internal(set) var unhandledCallbacks = 0
    /// Frames that could not be decoded, and were skipped.
    package internal(set) var malformedFrames = 0
    /// Connections that ended without being asked to, or did not come about.
    package internal(set) var connectionsLost = 0
    /// How often the connection became ready.
    package internal(set) var timesReady = 0
    /// How often another connection of the same bot took the place.
    package internal(set) var displacements = 0
    /// Acknowledgements that came too late, or answered nothing.
    package internal(set) var strayAcknowledgements = 0
    /// Frames that met errcode 6000 and were sent again.
    package internal(set) var conflicts = 0
    /// Frames that the server throttled (errcode 45009 or 45033).
    package internal(set) var throttled = 0
    /// Frames that had to wait until their conversation could be written to again.
    package internal(set) var paced = 0
    /// Intermediate updates that were left out because their conversation could not be written to.
    package internal(set) var skipped = 0
}

internal import BotCore

/// What a long connection has counted so far.
package struct ConnectionStatistics: Sendable, Hashable {
    /// Messages handed on.
    package internal(set) var messages = 0
    /// Events handed on.
    package internal(set) var events = 0
    /// Callbacks that are for nobody: what is about the connection itself, and what this version does not know.
    package internal(set) var unhandledCallbacks = 0
    /// Frames that could not be decoded, and were skipped.
    package internal(set) var malformedFrames = 0
    /// Connections that ended without being asked to, or did not come about, by why.
    package internal(set) var losses: [ConnectionLoss: Int] = [:]
    /// How often the connection became ready.
    package internal(set) var timesReady = 0
    /// How often another connection of the same bot took the place.
    package internal(set) var displacements = 0
    /// How often that was taken for two processes fighting over the place.
    package internal(set) var displacementWars = 0
    /// Acknowledgements that came too late, or answered nothing.
    package internal(set) var strayAcknowledgements = 0
    /// Frames whose acknowledgement never came.
    package internal(set) var missingAcknowledgements = 0
    /// Frames that met errcode 6000 and were sent again.
    package internal(set) var conflicts = 0
    /// Frames that the server throttled (errcode 45009 or 45033).
    package internal(set) var throttled = 0
    /// Frames that had to wait until their conversation could be written to again.
    package internal(set) var paced = 0
    /// Intermediate updates that were left out because their conversation could not be written to.
    package internal(set) var skipped = 0
    /// Frames that the server took.
    package internal(set) var delivered = 0
    /// Frames that it, or a check on this side, refused.
    package internal(set) var refused = 0
    /// Frames nobody knows the fate of.
    package internal(set) var unknown = 0
    /// How often the server said no to anything, by its code. At most ``maximumErrorCodes`` are kept apart.
    package internal(set) var errorCodes: [ErrorCode: Int] = [:]
    /// How often it did so with a code beyond those.
    package internal(set) var otherErrorCodes = 0

    /// How many different codes are kept apart; the protocol's own are about 25.
    static let maximumErrorCodes = 64

    /// Connections that ended without being asked to, or did not come about.
    package var connectionsLost: Int { losses.values.reduce(0, +) }

    mutating func acknowledged(_ code: ErrorCode) {
        guard code != .ok else { return }
        if errorCodes[code] != nil || errorCodes.count < Self.maximumErrorCodes {
            errorCodes[code, default: 0] += 1
        } else {
            otherErrorCodes += 1
        }
    }

    mutating func settled(_ delivery: Delivery) {
        switch delivery {
        case .delivered, .redirected: delivered += 1
        case .refused: refused += 1
        case .unknown: unknown += 1
        }
    }
}

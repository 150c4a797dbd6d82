/// A string that must never be seen: it prints as `•••` wherever it is described, reflected or interpolated.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The value itself. Use it only where it goes onto the wire.
    package let value: String

    /// Wraps a value read from a configuration file or the environment.
    public init(_ value: String) {
        self.value = value
    }

    /// Whether there is nothing to hide.
    public var isEmpty: Bool { value.isEmpty }

    /// Always `•••`.
    public var description: String { "•••" }

    /// Always `•••`.
    public var debugDescription: String { "•••" }

    /// A mirror without children, so that `dump` shows nothing either.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

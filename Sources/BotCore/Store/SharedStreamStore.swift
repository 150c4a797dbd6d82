/// Where the processes behind one callback address keep what their streams show, so that the platform may ask any of them.
///
/// The methods block, for about a second at most, and may be called on several threads at a time. What is kept expires by itself.
package protocol SharedStreamStore: Sendable {
    /// Where it is, for people; without a secret.
    var name: String { get }

    /// Claims what only one process is to do. The same claim again has the same result.
    ///
    /// - Parameters:
    ///   - name: Of what is claimed.
    ///   - owner: Whose it is then. If it is a stream, it is opened in the same breath.
    ///   - lasting: For how long.
    /// - Returns: Whose it is: the first that came.
    func claim(_ name: String, for owner: String, isStream: Bool, lasting: Duration) throws -> String

    /// Gives a claim back, with the stream that was opened with it.
    func release(_ name: String, of owner: String) throws

    /// What a stream shows; `nil` if nothing is known about it. Its owner learns that it was asked for.
    ///
    /// - Parameter window: A stream that is open and older ends now, as ``SharedStream/Phase/over``. `nil` to look at it only.
    func read(_ stream: String, window: Duration?) throws -> SharedStream?

    /// Does each, in order.
    ///
    /// - Returns: Where the stream of each stands then; `nil` if nothing is known about it. Of no updates, nothing: it only finds out
    ///   whether the store works.
    func update(_ updates: [SharedStreamUpdate]) throws -> [SharedStreamStatus?]

    /// Lets go of everything.
    func close()
}

/// What a stream shows, as any process can know it.
package struct SharedStream: Sendable, Hashable {
    /// How far it is.
    package enum Phase: String, Sendable, Hashable {
        /// More text may come.
        case open
        /// The text is whole.
        case complete
        /// It ended with another text than the whole.
        case cut
        /// It was asked for after its time, before its text was whole; by whichever process.
        case over
    }

    /// An image that is shown with the end.
    package struct Image: Sendable, Hashable {
        /// What is in its file.
        package let base64: String
        /// Of the bytes before Base64: 32 hexadecimal digits.
        package let md5: String

        package init(base64: String, md5: String) {
            self.base64 = base64
            self.md5 = md5
        }
    }

    /// How far it is.
    package var phase: Phase
    /// All of its text; `nil` before there is any.
    package var text: String?
    /// In order; only when it is not open.
    package var images: [Image] = []
    /// Whether the platform was told the end.
    package var hasEnded = false

    package init(_ phase: Phase, text: String?, images: [Image] = [], hasEnded: Bool = false) {
        self.phase = phase
        self.text = text
        self.images = images
        self.hasEnded = hasEnded
    }
}

/// What a process says, or wants to know, about one stream.
package struct SharedStreamUpdate: Sendable, Hashable {
    package enum Change: Sendable, Hashable {
        /// Nothing: it asks.
        case none
        /// The owner's stream shows this now; not if its end was given to anybody before.
        case show(Content)
        /// The platform was told the end.
        case end
        /// The owner takes a complete text back that nobody was given: it shows what was shown before. Not if the platform has
        /// asked for it since then.
        case hold(unlessAskedWithin: Duration)
    }

    /// A stream as its owner has it.
    package struct Content: Sendable, Hashable {
        package var stream: SharedStream
        /// What the owner has claimed for it, if anything.
        package var claim: String?
        /// How long ago it was opened.
        package var age: Duration
        /// For how much longer it is kept.
        package var lasting: Duration

        package init(_ stream: SharedStream, claim: String?, age: Duration, lasting: Duration) {
            self.stream = stream
            self.claim = claim
            self.age = age
            self.lasting = lasting
        }
    }

    package let id: String
    package let change: Change

    package init(_ id: String, _ change: Change) {
        self.id = id
        self.change = change
    }
}

/// Where a stream stands with all the processes.
package struct SharedStreamStatus: Sendable, Hashable {
    package var phase: SharedStream.Phase
    /// Whether the platform was told the end.
    package var hasEnded: Bool
    /// Whether another process was given the end, to tell it.
    package var isHanded: Bool
    /// How long ago another process was asked for it last; `nil` if none ever was.
    package var sinceAsked: Duration?
    /// What other processes gave out last, before the end; only of ``SharedStreamUpdate/Change/hold(unlessAskedWithin:)``.
    package var shown: String?

    package init(
        _ phase: SharedStream.Phase,
        hasEnded: Bool = false,
        isHanded: Bool = false,
        sinceAsked: Duration? = nil,
        shown: String? = nil
    ) {
        self.phase = phase
        self.hasEnded = hasEnded
        self.isHanded = isHanded
        self.sinceAsked = sinceAsked
        self.shown = shown
    }
}

internal import BotFoundation
internal import CLibwebsockets

/// What a libwebsockets context calls back that belongs to no connection.
final class LoopHooks: Sendable {
    private weak let loop: EventLoop?
    private let log: Log

    init(loop: EventLoop, log: Log) {
        self.loop = loop
        self.log = log
    }

    /// Makes `context` call these hooks. They must outlive it.
    func install(in context: LibraryPointer) {
        clws_context_set_callbacks(
            context.pointer,
            { user in
                guard let user else { return }
                let hooks = Unmanaged<LoopHooks>.fromOpaque(user).takeUnretainedValue()
                hooks.loop?.assumeIsolated { $0.timerFired() }
            },
            { user, level, line in
                guard let user else { return }
                let hooks = Unmanaged<LoopHooks>.fromOpaque(user).takeUnretainedValue()
                // What matters reaches the connection's owner as an event; the library's own words are detail.
                hooks.log(level == 0 ? .debug : .trace, "libwebsockets: \(String(cString: line))")
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }
}

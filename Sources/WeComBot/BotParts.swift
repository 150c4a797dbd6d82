internal import BotCore
internal import BotFoundation
internal import BotStore
internal import LWSTransport
internal import WeComAIBot

/// What runs while a bot runs.
struct BotParts: Sendable {
    let loop: EventLoop
    let dispatcher: Dispatcher
    let events: EventDispatcher
    let channel: any BotChannel
    let signals: Signals?

    init(
        _ configuration: ChannelConfiguration,
        _ dispatching: DispatcherConfiguration,
        _ handler: any BotHandler,
        _ store: SQLiteStateStore?,
        handlesSignals: Bool,
        log: Log
    ) throws(BotError) {
        do {
            let dispatcher = Dispatcher(handler: handler, configuration: dispatching, store: store, log: log)
            self.dispatcher = dispatcher
            let events = EventDispatcher(handler: handler, log: log)
            self.events = events
            loop = try EventLoop(name: "wecom-bot", log: log)
            channel = try configuration.channel(on: loop, log: log, dispatcher: dispatcher, events: events)
            signals = handlesSignals ? try Signals() : nil
        } catch {
            throw BotError(.outOfResources, "the bot cannot start: \(error)")
        }
    }
}

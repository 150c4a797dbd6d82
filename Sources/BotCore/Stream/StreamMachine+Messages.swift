extension StreamMachine {
    /// A text as messages of at most so many bytes of UTF-8, cut where a long answer is; none if it is blank.
    package static func messages(of text: String, maximumBytes: Int) -> [String] {
        let capabilities = ReplyCapabilities(maximumBytes: maximumBytes, streams: false)
        var machine = StreamMachine(capabilities: capabilities)
        _ = machine.append(text)
        _ = machine.finish()
        var messages: [String] = []
        let now = ContinuousClock.now
        while case .send(let update) = machine.next(now: now) {
            messages.append(update.text)
            machine.settled(.delivered)
        }
        return messages
    }
}

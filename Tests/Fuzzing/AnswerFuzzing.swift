import BotCore

/// A bubble's size and what the channel can do, then what a handler, a channel and the time do to one answer.
enum AnswerFuzzing {
    private static let outcomes: [Delivery] = [.delivered, .unknown(.init("lost")), .refused(.init("no"))]

    static func run(_ input: [UInt8]) throws(Violation) {
        var input = ByteReader(input)
        // Less than 4 counts as 4.
        let limit = input.number(below: 48)
        let kind = input.number(below: 8)
        var answer = AnswerModel(
            limit: limit,
            streams: kind > 0,
            window: kind > 4 ? .seconds(2) : nil,
            keepAlive: kind > 5 ? .milliseconds(700) : nil
        )
        while !input.isAtEnd {
            switch input.number(below: 8) {
            case 0...2: try answer.append(input.text())
            case 3: try answer.replace(input.text())
            case 4: try answer.advance(.milliseconds(input.number(below: 256) * 4))
            case 5, 6: try answer.settle(outcomes[input.number(below: outcomes.count)])
            default:
                switch input.number(below: 32) {
                case 0: try answer.finish()
                case 1: try answer.cancel()
                case 2: try answer.fail("sorry")
                default: try answer.ask()
                }
            }
        }
        try answer.finish()
        try answer.end()
    }
}

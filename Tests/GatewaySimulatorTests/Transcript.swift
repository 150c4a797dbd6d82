import BotFoundation
import Foundation

@testable import GatewaySimulator

/// A machine under test, and everything it did, in short lines.
struct Transcript {
    static let start = ContinuousClock.now
    static let unixTime = 1_767_225_600

    var machine: GatewayMachine
    var now = Transcript.start
    /// What went to clients since the last ``take()``.
    private(set) var wire: [String] = []
    /// Everything observed since the beginning.
    private(set) var observations: [Observation] = []
    /// The bytes of the last message sent.
    private(set) var lastBytes: [UInt8] = []

    init(_ change: (inout GatewayConfiguration) -> Void = { _ in }) {
        var configuration = GatewayConfiguration(credentials: ["bot": Secret("s3cr3t"), "second": Secret("other")])
        change(&configuration)
        machine = GatewayMachine(configuration: configuration, now: now, unixTime: Self.unixTime)
    }

    /// A machine with connection 1 subscribed as `bot`.
    static func subscribed(_ change: (inout GatewayConfiguration) -> Void = { _ in }) -> Transcript {
        var transcript = Transcript(change)
        transcript.connect(1)
        transcript.subscribe(1)
        _ = transcript.take()
        return transcript
    }

    // MARK: What happens

    mutating func connect(_ id: Int) { note(machine.connected(ConnectionID(rawValue: id), now: now)) }

    mutating func disconnect(_ id: Int) { note(machine.disconnected(ConnectionID(rawValue: id), now: now)) }

    mutating func receive(_ text: String, on id: Int = 1, isText: Bool = true) {
        note(machine.received(Array(text.utf8), isText: isText, on: ConnectionID(rawValue: id), now: now))
    }

    mutating func frame(_ command: String, _ requestID: String, _ body: String? = nil, on id: Int = 1) {
        let body = body.map { #","body":\#($0)"# } ?? ""
        receive(#"{"cmd":"\#(command)","headers":{"req_id":"\#(requestID)"}\#(body)}"#, on: id)
    }

    mutating func subscribe(_ id: Int, bot: String = "bot", secret: String = "s3cr3t", _ requestID: String = "sub") {
        frame("aibot_subscribe", requestID, #"{"bot_id":"\#(bot)","secret":"\#(secret)"}"#, on: id)
    }

    mutating func stream(
        _ requestID: String,
        _ streamID: String,
        _ text: String,
        finish: Bool = false,
        on id: Int = 1
    ) {
        let body = #"{"msgtype":"stream","stream":{"id":"\#(streamID)","finish":\#(finish),"content":"\#(text)"}}"#
        frame("aibot_respond_msg", requestID, body, on: id)
    }

    mutating func push(_ text: String = "hello", from user: String = "zhang", in chat: String? = nil) -> PushedMessage {
        let result = machine.pushText(from: user, in: chat, text, to: "bot", now: now)
        note(result.actions)
        return result.message
    }

    mutating func event(_ event: SimulatedEvent) -> PushedMessage {
        let result = machine.pushEvent(event, from: "zhang", to: "bot", now: now)
        note(result.actions)
        return result.message
    }

    mutating func inject(_ fault: Fault) { note(machine.inject(fault, bot: "bot", now: now)) }

    /// Lets time pass, stopping wherever the machine asked to be woken.
    mutating func advance(_ duration: Duration) {
        let end = now + duration
        while let due = machine.nextDeadline, due <= end {
            now = max(now, due)
            note(machine.tick(now: now))
        }
        now = end
    }

    // MARK: What was done

    /// What went to clients since the last call.
    mutating func take() -> [String] {
        defer { wire = [] }
        return wire
    }

    var violations: [String] {
        observations.compactMap { observation in
            guard case .violation(_, let text) = observation.event else { return nil }
            return text
        }
    }

    private mutating func note(_ actions: [GatewayMachine.Action]) {
        for action in actions {
            switch action {
            case .observe(let observation): observations.append(observation)
            case .send(let id, let bytes, let isText):
                lastBytes = bytes
                wire.append("\(id) \(Self.describe(bytes, isText: isText))")
            case .close(let id, let code, _): wire.append("\(id) close \(code)")
            case .abort(let id): wire.append("\(id) abort")
            case .pauseReading(let id): wire.append("\(id) pause")
            case .resumeReading(let id): wire.append("\(id) resume")
            }
        }
    }

    /// Reads with Foundation's own parser: the codec under test is not asked about itself.
    private static func describe(_ bytes: [UInt8], isText: Bool) -> String {
        guard
            isText, bytes.count < 1_000_000,
            let document = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
            let headers = document["headers"] as? [String: Any], let requestID = headers["req_id"] as? String
        else { return "\(isText ? "text" : "binary") \(bytes.count)" }
        if let code = document["errcode"] as? Int { return "ack \(requestID) \(code)" }
        let body = document["body"] as? [String: Any] ?? [:]
        let kind = (body["event"] as? [String: Any])?["eventtype"] ?? body["msgtype"] ?? "-"
        return "\(document["cmd"] ?? "-") \(requestID) \(kind)"
    }
}

import BotCore
import Testing

@testable import WeComAIBot

struct UploadMachineTests {
    typealias Machine = UploadMachine

    static let start = ContinuousClock.now
    /// Three chunks.
    static let plan = UploadPlan(totalBytes: 300_000)
    static let hard = Machine.Answer.refused(.invalidParameter, message: "no")
    static let busy = Machine.Answer.refused(.systemBusy, message: "busy")

    /// A machine, its time, and what it has to have sent.
    struct Rig {
        var machine = Machine(plan, kind: .file)
        var now = UploadMachineTests.start
        var connection: UInt64 = 1
        var sent: [Machine.Frame] = []
        var delays: [Duration?] = []
        var progress: [Int] = []
        var ends: [Result<UploadedMedia, UploadError>] = []

        mutating func note(_ actions: [Machine.Action]) {
            for action in actions {
                switch action {
                case .send(let frame, let notBefore):
                    sent.append(frame)
                    delays.append(notBefore.map { $0 - now })
                case .progress(let state): progress.append(state.acknowledgedBytes)
                case .end(let result): ends.append(result)
                }
            }
        }

        mutating func begin() { note(machine.start(now: now)) }

        mutating func answer(_ step: Machine.Step, _ answer: Machine.Answer, session: Int? = nil) {
            let frame = Machine.Frame(session: session ?? machine.session, step: step)
            note(machine.answered(frame, answer, connection: connection, now: now))
        }

        mutating func chunk(_ index: Int, _ answer: Machine.Answer = .accepted(id: nil), id: String = "UP") {
            self.answer(.chunk(index, uploadID: id), answer)
        }

        /// The steps that were sent since the last call.
        mutating func take() -> [Machine.Step] {
            defer { (sent, delays) = ([], []) }
            return sent.map(\.step)
        }

        /// In a phase, with everything before it forgotten.
        static func at(_ phase: String) -> Rig {
            var rig = Rig()
            if phase != "idle" { rig.begin() }
            if phase == "sending" || phase == "finishing" || phase == "over" {
                rig.answer(.begin, .accepted(id: "UP"))
            }
            if phase == "finishing" || phase == "over" { for index in 0..<3 { rig.chunk(index) } }
            if phase == "over" { rig.answer(.finish(uploadID: "UP"), .accepted(id: "MEDIA")) }
            _ = rig.take()
            (rig.progress, rig.ends) = ([], [])
            return rig
        }

        var phase: String { String("\(machine.phase)".prefix { $0 != "(" }) }
    }

    @Test func goesFromInitOverChunksToFinishAndSaysHowFarItIs() {
        var rig = Rig()
        rig.begin()
        #expect(rig.take() == [.begin])
        rig.answer(.begin, .accepted(id: "UP"))
        #expect(rig.take() == [.chunk(0, uploadID: "UP"), .chunk(1, uploadID: "UP")], "two at a time")
        rig.chunk(1)
        #expect(rig.take() == [.chunk(2, uploadID: "UP")])
        rig.chunk(0)
        #expect(rig.take() == [])
        rig.chunk(2)
        #expect(rig.take() == [.finish(uploadID: "UP")])
        #expect(rig.progress == [131_072, 262_144, 300_000])
        rig.answer(.finish(uploadID: "UP"), .accepted(id: "MEDIA"))
        #expect(rig.ends == [.success(UploadedMedia(id: "MEDIA", kind: .file))])
        #expect(rig.take() == [])
    }

    /// What each event does in each phase; what is not listed does nothing.
    @Test func everyEventInEveryPhase() {
        let answers: [(String, Machine.Answer)] = [
            ("accepted", .accepted(id: "X")), ("nameless", .accepted(id: nil)), ("busy", Self.busy),
            ("refused", Self.hard),
            ("not sent", .notSent(message: "stopped")), ("unknown", .unknown),
        ]
        let steps: [(String, Machine.Step)] = [
            ("init", .begin), ("chunk 0", .chunk(0, uploadID: "UP")), ("chunk 2", .chunk(2, uploadID: "UP")),
            ("finish", .finish(uploadID: "UP")),
        ]
        var expected: [String: String] = [
            "idle start": "beginning: begin",
            "idle fail": "over: end", "beginning fail": "over: end", "sending fail": "over: end",
            "finishing fail": "over: end",
            "beginning init accepted": "sending: chunk chunk", "sending chunk 0 accepted": "sending: progress chunk",
            "sending chunk 0 nameless": "sending: progress chunk", "finishing finish accepted": "over: end",
            "beginning init nameless": "over: end", "finishing finish nameless": "over: end",
        ]
        for (phase, step, name) in [
            ("beginning", "init", "begin"), ("sending", "chunk 0", "chunk"), ("finishing", "finish", "finish"),
        ] {
            expected["\(phase) \(step) busy"] = "\(phase): \(name) later"
            expected["\(phase) \(step) refused"] = "over: end"
            expected["\(phase) \(step) not sent"] = "over: end"
            expected["\(phase) \(step) unknown"] = "\(phase): \(name)"
        }
        for phase in ["idle", "beginning", "sending", "finishing", "over"] {
            var cells: [(String, Rig)] = []
            var rig = Rig.at(phase)
            rig.note(rig.machine.start(now: rig.now))
            cells.append(("\(phase) start", rig))
            rig = Rig.at(phase)
            rig.note(rig.machine.fail(UploadError(.cancelled, "x")))
            cells.append(("\(phase) fail", rig))
            for (stepName, step) in steps {
                for (answerName, answer) in answers {
                    rig = Rig.at(phase)
                    rig.answer(step, answer)
                    cells.append(("\(phase) \(stepName) \(answerName)", rig))
                    rig = Rig.at(phase)
                    rig.answer(step, answer, session: rig.machine.session - 1)
                    cells.append(("\(phase) \(stepName) \(answerName), of an earlier session", rig))
                }
            }
            for (name, rig) in cells {
                let deeds =
                    rig.progress.map { _ in "progress" }
                    + zip(rig.sent, rig.delays).map { frame, delay in
                        String("\(frame.step)".prefix { $0 != "(" }) + (delay == nil ? "" : " later")
                    } + rig.ends.map { _ in "end" }
                let seen = deeds.isEmpty ? "nothing" : "\(rig.phase): \(deeds.joined(separator: " "))"
                #expect(seen == expected[name] ?? "nothing", "\(name)")
                expected[name] = nil
            }
        }
        #expect(expected.isEmpty)
    }

    @Test func aServerWithoutTimeIsAskedAgainEverLater() {
        var rig = Rig.at("sending")
        var delays: [Duration?] = []
        for _ in 0..<4 {
            rig.chunk(0, Self.busy)
            delays += rig.delays
            _ = rig.take()
        }
        #expect(delays == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4)])
        rig.chunk(0, Self.busy)
        #expect(rig.ends == [.failure(UploadError(.refused, serverCode: -1, "the server refused the upload: busy"))])
    }

    @Test func whatNobodyKnowsTheFateOfGoesAgainAndOnlyThat() {
        var rig = Rig.at("sending")
        rig.chunk(1)
        _ = rig.take()
        rig.connection = 2
        rig.chunk(0, .unknown)
        rig.chunk(2, .unknown)
        #expect(rig.take() == [.chunk(0, uploadID: "UP"), .chunk(2, uploadID: "UP")], "not chunk 1")
        rig.chunk(0)
        rig.chunk(2)
        #expect(rig.take() == [.finish(uploadID: "UP")])
    }

    @Test func aFrameIsSentAgainEightTimesAndNotNine() {
        var rig = Rig.at("sending")
        for _ in 0..<8 { rig.chunk(0, .unknown) }
        #expect(rig.take().count == 8 && rig.ends.isEmpty)
        rig.chunk(0, .unknown)
        #expect(rig.take() == [] && rig.ends.count == 1)
        guard case .failure(let error)? = rig.ends.first else { return }
        #expect(error.code == .unanswered)
    }

    @Test func aRefusalAfterAReconnectStartsAnew() {
        var rig = Rig.at("sending")
        rig.chunk(0)
        _ = rig.take()
        rig.connection = 2
        rig.chunk(1, Self.hard)
        #expect(rig.take() == [.begin] && rig.progress.last == 0)
        rig.answer(.chunk(2, uploadID: "UP"), Self.hard, session: 1)
        #expect(rig.take() == [] && rig.ends.isEmpty, "the other chunk of the old session")
        rig.answer(.begin, .accepted(id: "UP2"))
        #expect(rig.take() == [.chunk(0, uploadID: "UP2"), .chunk(1, uploadID: "UP2")])
        // On the connection that gave it this id, a refusal is one.
        rig.chunk(0, Self.hard, id: "UP2")
        #expect(rig.ends.count == 1)
    }

    @Test func aFinishThatMayHaveWorkedAndIsThenRefusedStartsAnew() {
        var rig = Rig.at("finishing")
        rig.answer(.finish(uploadID: "UP"), .unknown)
        #expect(rig.take() == [.finish(uploadID: "UP")])
        rig.answer(.finish(uploadID: "UP"), Self.hard)
        #expect(rig.take() == [.begin])
    }

    @Test func startsAnewTwiceAndNotThrice() {
        var rig = Rig.at("sending")
        for number in 2...3 {
            rig.connection += 1
            rig.chunk(0, Self.hard, id: number == 2 ? "UP" : "UP2")
            #expect(rig.take() == [.begin])
            rig.answer(.begin, .accepted(id: "UP\(number)"))
            _ = rig.take()
        }
        rig.connection += 1
        rig.chunk(0, Self.hard, id: "UP3")
        #expect(rig.take() == [] && rig.ends.count == 1)
    }

    @Test func afterThirtyMinutesARefusalStartsAnewAndNotBefore() {
        for (time, restarts) in [
            (UploadRules.sessionLife - .nanoseconds(1), false), (UploadRules.sessionLife, true),
        ] {
            for answer in [Self.hard, .notSent(message: "too late")] {
                var rig = Rig.at("sending")
                #expect(rig.machine.validUntil == Self.start + .seconds(1_800))
                rig.now += time
                rig.chunk(0, answer)
                #expect((rig.take() == [.begin]) == restarts, "after \(time): \(answer)")
                #expect(rig.ends.isEmpty == restarts)
            }
        }
    }
}

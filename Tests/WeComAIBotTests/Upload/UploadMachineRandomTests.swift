import BotCore
import BotFoundation
import Testing

@testable import WeComAIBot

/// Random answers, losses and reconnects against a model of the server.
///
/// `TEST_SEED=<n>` repeats a run.
struct UploadMachineRandomTests {
    typealias Machine = UploadMachine

    private struct Model {
        var generator: SplitMix64
        var machine: Machine
        let plan: UploadPlan
        var now = ContinuousClock.now
        var connection: UInt64 = 1
        /// What the server has of each upload it knows.
        var uploads: [String: Set<Int>] = [:]
        /// Chunks whose acknowledgement the client has seen, of each upload.
        var seen: [String: Set<Int>] = [:]
        var nextID = 0
        var underway: [Machine.Frame] = []
        var end: Result<UploadedMedia, UploadError>?
        var finished: String?
        var frames = 0
        var (restarts, repeats, refusals) = (0, 0, 0)
        var isCalm = false

        init(seed: UInt64) {
            generator = SplitMix64(seed: seed)
            plan = UploadPlan(totalBytes: Int.random(in: 5...3_000_000, using: &generator))
            machine = Machine(plan, kind: .file)
        }

        mutating func chance(_ percent: Int) -> Bool { !isCalm && Int.random(in: 0..<100, using: &generator) < percent }

        mutating func perform(_ actions: [Machine.Action]) {
            for action in actions {
                #expect(end == nil, "something after the end")
                switch action {
                case .progress(let state):
                    #expect(
                        (0...plan.totalBytes).contains(state.acknowledgedBytes) && state.totalBytes == plan.totalBytes
                    )
                case .end(let result): end = result
                case .send(let frame, _):
                    frames += 1
                    switch frame.step {
                    case .begin: if frame.session > 1 { restarts += 1 }
                    case .chunk(let index, let id):
                        #expect(seen[id]?.contains(index) != true, "an acknowledged chunk goes again")
                        #expect(!underway.contains(frame), "a chunk is under way twice")
                    case .finish(let id):
                        #expect(seen[id]?.count == plan.chunkCount, "finished before all was acknowledged")
                    }
                    underway.append(frame)
                    let chunks = underway.filter { $0.session == frame.session && $0.step != .begin }
                    #expect(chunks.count <= Machine.window)
                }
            }
        }

        mutating func start() { perform(machine.start(now: now)) }

        mutating func step() {
            guard end == nil else { return }
            now += .milliseconds(Int.random(in: 0...2_000, using: &generator))
            if chance(1) { now += .seconds(900) }
            if chance(6) { connection += 1 }
            if chance(2) { uploads = [:] }
            guard let index = underway.indices.randomElement(using: &generator) else {
                Issue.record("nothing is under way, and it is not over")
                end = .failure(UploadError(.cancelled, ""))
                return
            }
            let frame = underway.remove(at: index)
            let isLostBefore = chance(8)
            let isBusy = chance(8)
            let isLostAfter = chance(8)
            var answer = Machine.Answer.unknown
            if isBusy {
                answer = .refused(.systemBusy, message: "")
                refusals += 1
            } else if !isLostBefore {
                let verdict = serve(frame.step)
                if !isLostAfter { answer = verdict }
            }
            if answer == .unknown { repeats += 1 }
            if case .accepted = answer, case .chunk(let chunk, let id) = frame.step {
                seen[id, default: []].insert(chunk)
            }
            perform(machine.answered(frame, answer, connection: connection, now: now))
        }

        private mutating func serve(_ step: Machine.Step) -> Machine.Answer {
            let refusal = Machine.Answer.refused(.invalidParameter, message: "no such upload")
            switch step {
            case .begin:
                nextID += 1
                uploads["U\(nextID)"] = []
                return .accepted(id: "U\(nextID)")
            case .chunk(let index, let id):
                guard uploads[id] != nil else { return refusal }
                uploads[id]?.insert(index)
                return .accepted(id: nil)
            case .finish(let id):
                guard uploads.removeValue(forKey: id)?.count == plan.chunkCount else { return refusal }
                finished = "M-\(id)"
                return .accepted(id: "M-\(id)")
            }
        }
    }

    @Test func randomEventsKeepEveryPromise() {
        let seed = testSeed()
        var (successes, failures, restarts, repeats, refusals) = (0, 0, 0, 0, 0)
        for run in 0..<2_000 {
            var model = Model(seed: seed &+ UInt64(run))
            model.start()
            let rough = Int.random(in: 0...100, using: &model.generator)
            var steps = 0
            while model.end == nil, steps < 5_000 {
                model.isCalm = steps >= rough
                model.step()
                steps += 1
            }
            guard let end = model.end else {
                Issue.record("TEST_SEED=\(seed) run \(run): it never ends")
                return
            }
            switch end {
            case .success(let media):
                successes += 1
                #expect(media.id == model.finished, "TEST_SEED=\(seed) run \(run)")
            case .failure(let error):
                failures += 1
                #expect(error.code == .refused || error.code == .unanswered, "TEST_SEED=\(seed) run \(run)")
            }
            restarts += model.restarts
            repeats += model.repeats
            refusals += model.refusals
        }
        // A model in which nothing happens proves nothing.
        print(
            "uploads: \(successes) ended well, \(failures) not, \(restarts) restarts, \(repeats) repeats, \(refusals) refusals"
        )
        #expect(successes > 500 && failures > 10 && restarts > 200 && repeats > 1_000 && refusals > 500)
    }
}

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

        /// The first promise that was not kept.
        var failure: String?

        mutating func expect(_ holds: Bool, _ promise: String) {
            if !holds { failure = failure ?? promise }
        }

        mutating func perform(_ actions: [Machine.Action]) {
            for action in actions {
                expect(end == nil, "nothing comes after the end")
                switch action {
                case .progress(let state):
                    let isSane = (0...plan.totalBytes).contains(state.acknowledgedBytes)
                    expect(isSane && state.totalBytes == plan.totalBytes, "progress is part of the whole")
                case .end(let result): end = result
                case .send(let frame, _):
                    frames += 1
                    switch frame.step {
                    case .begin: if frame.session > 1 { restarts += 1 }
                    case .chunk(let index, let id):
                        expect(seen[id]?.contains(index) != true, "an acknowledged chunk does not go again")
                        expect(!underway.contains(frame), "a chunk is under way once")
                    case .finish(let id):
                        expect(seen[id]?.count == plan.chunkCount, "all is acknowledged before the finish")
                    }
                    underway.append(frame)
                    let chunks = underway.filter { $0.session == frame.session && $0.step != .begin }
                    expect(chunks.count <= 2, "two are under way at most")
                }
            }
        }

        mutating func start() { perform(machine.start(now: now)) }

        mutating func step() {
            guard end == nil, failure == nil else { return }
            now += .milliseconds(Int.random(in: 0...2_000, using: &generator))
            if chance(1) { now += .seconds(900) }
            if chance(6) { connection += 1 }
            if chance(2) { uploads = [:] }
            guard let index = underway.indices.randomElement(using: &generator) else {
                return expect(false, "something is under way until the end")
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
            while model.end == nil, model.failure == nil, steps < 5_000 {
                model.isCalm = steps >= rough
                model.step()
                steps += 1
            }
            switch model.end {
            case .success(let media):
                successes += 1
                model.expect(media.id == model.finished, "the media are those of the last finish")
            case .failure(let error):
                failures += 1
                model.expect(error.code == .refused || error.code == .unanswered, "a failure says why")
            case nil: model.expect(false, "it ends")
            }
            if let failure = model.failure {
                Issue.record("TEST_SEED=\(seed) run \(run): \(failure)")
                return
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

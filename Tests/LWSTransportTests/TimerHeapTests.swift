import BotFoundation
import TestSupport
import Testing

@testable import LWSTransport

@Suite struct TimerHeapTests {
    private let start = ContinuousClock.now

    /// Takes out everything that is due and gives the names in the order of firing.
    private func fire(_ heap: inout TimerHeap, _ fired: Locked<[Int]>, until now: Duration = .seconds(1_000)) -> [Int] {
        while let work = heap.popDue(now: start + now) { work() }
        return fired.withLock { fired in
            defer { fired = [] }
            return fired
        }
    }

    private func heap(_ deadlines: [Int], _ fired: Locked<[Int]>) -> (TimerHeap, [TimerID]) {
        var heap = TimerHeap()
        let ids = deadlines.enumerated().map { name, deadline in
            heap.insert(deadline: start + .seconds(deadline)) { fired.withLock { $0.append(name) } }
        }
        return (heap, ids)
    }

    @Test func theEarliestGoesFirstAndEqualOnesInTheOrderOfInsertion() {
        let fired = Locked<[Int]>([])
        var (heap, _) = heap([5, 3, 5, 1, 3, 5, 1, 5], fired)
        #expect(heap.next == start + .seconds(1))
        #expect(fire(&heap, fired) == [3, 6, 1, 4, 0, 2, 5, 7])
        #expect(heap.count == 0 && heap.next == nil)
    }

    @Test func onlyWhatIsDueFires() {
        let fired = Locked<[Int]>([])
        var (heap, _) = heap([2, 1, 3], fired)
        #expect(fire(&heap, fired, until: .milliseconds(999)) == [])
        #expect(fire(&heap, fired, until: .seconds(1)) == [1])
        #expect(fire(&heap, fired, until: .seconds(2)) == [0])
        #expect(heap.count == 1)
    }

    @Test(arguments: 0..<7)
    func anyOfThemCanBeRemovedOnce(index: Int) {
        let fired = Locked<[Int]>([])
        var (heap, ids) = heap([4, 2, 6, 1, 3, 5, 7], fired)
        heap.remove(ids[index])
        heap.remove(ids[index])
        #expect(heap.count == 6)
        #expect(fire(&heap, fired) == [3, 1, 4, 0, 5, 2, 6].filter { $0 != index })
    }

    @Test func whatHasFiredOrWasNeverThereIsIgnored() {
        let fired = Locked<[Int]>([])
        var (heap, ids) = heap([1, 2], fired)
        #expect(fire(&heap, fired, until: .seconds(1)) == [0])
        heap.remove(ids[0])
        #expect(heap.count == 1)
        var empty = TimerHeap()
        empty.remove(ids[1])
        #expect(empty.count == 0)
        #expect(fire(&heap, fired) == [1])
    }

    @Test func itDoesWhatASortedArrayDoes() {
        var random = SeededGenerator(seed: SeededGenerator.seed(for: "itDoesWhatASortedArrayDoes"))
        let fired = Locked<[Int]>([])
        var heap = TimerHeap()
        var model: [(deadline: Int, name: Int, id: TimerID)] = []
        for name in 0..<20_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let deadline = Int.random(in: 0..<50, using: &random)
                let id = heap.insert(deadline: start + .seconds(deadline)) { fired.withLock { $0.append(name) } }
                model.insert((deadline, name, id), at: model.firstIndex { $0.deadline > deadline } ?? model.endIndex)
            case 5..<8:
                guard let index = model.indices.randomElement(using: &random) else { continue }
                heap.remove(model.remove(at: index).id)
            case 8:
                let now = Int.random(in: 0..<50, using: &random)
                let due = model.prefix { $0.deadline <= now }.prefix(3)
                for _ in due { heap.popDue(now: start + .seconds(now))?() }
                model.removeFirst(due.count)
                #expect(fired.withLock { $0 } == due.map(\.name))
                fired.withLock { $0 = [] }
            default:
                #expect(heap.next == model.first.map { start + .seconds($0.deadline) })
                #expect(heap.count == model.count)
            }
        }
        #expect(fire(&heap, fired) == model.map(\.name))
    }
}

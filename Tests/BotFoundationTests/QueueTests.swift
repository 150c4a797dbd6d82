import BotFoundation
import TestSupport
import Testing

@Suite("Queue")
struct QueueTests {
    @Test("it behaves as an array from which the first is taken")
    func behavesAsArray() {
        var generator = SeededGenerator(seed: SeededGenerator.seed(for: "Queue"))
        var queue = Queue<Int>()
        var model: [Int] = []
        for step in 0..<5_000 {
            if Int.random(in: 0..<100, using: &generator) < (step / 500 % 2 == 0 ? 60 : 40) {
                queue.append(step)
                model.append(step)
            } else {
                #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            }
            #expect(queue.count == model.count && queue.isEmpty == model.isEmpty)
        }
    }
}

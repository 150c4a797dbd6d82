/// A first-in, first-out queue. Both ends cost O(1), spread over the calls.
package struct Queue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    /// An empty queue.
    package init() {}

    /// How many elements wait.
    package var count: Int { elements.count - head }

    /// Whether nothing waits.
    package var isEmpty: Bool { count == 0 }

    /// The element that has waited longest.
    package var first: Element? { head < elements.count ? elements[head] : nil }

    /// Adds an element at the end.
    package mutating func append(_ element: Element) {
        elements.append(element)
    }

    /// Takes the element that has waited longest.
    package mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head]
        elements[head] = nil
        head += 1
        // Giving back the used-up half at a time keeps the cost per element constant.
        if head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }
}

extension Queue: Sendable where Element: Sendable {}

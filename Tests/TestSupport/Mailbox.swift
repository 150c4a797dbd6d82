/// Carries values from what is tested to the test, which waits for one after the other.
package final class Mailbox<Element: Sendable>: Sendable {
    private let elements: AsyncStream<Element>
    private let entrance: AsyncStream<Element>.Continuation

    package init() {
        (elements, entrance) = AsyncStream.makeStream()
    }

    /// Puts a value in.
    package func put(_ element: Element) {
        entrance.yield(element)
    }

    /// Waits for the next value; `nil` only in a cancelled task. One task at a time.
    @discardableResult
    package func next() async -> Element? {
        var iterator = elements.makeAsyncIterator()
        return await iterator.next()
    }

    /// Waits for the next `count` values.
    package func next(_ count: Int) async -> [Element] {
        var received: [Element] = []
        while received.count < count, let element = await next() { received.append(element) }
        return received
    }
}

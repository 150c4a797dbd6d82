/// A context, vhost or connection of libwebsockets.
///
/// Invariant behind `@unchecked Sendable`: the pointer is used only on the thread of the loop that it belongs to, except by
/// `clws_wake`, which any thread may call while the context exists.
struct LibraryPointer: Hashable, @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }
}

// Only in what `make fuzz` builds: libFuzzer calls these, and has no place in a test run.
#if FUZZING
    import BotFoundation
    import Glibc

    /// The target that `FUZZ_TARGET` names.
    private let target: FuzzTarget = {
        guard let name = getenv("FUZZ_TARGET"), let target = FuzzTarget(rawValue: String(cString: name)) else {
            fatalError("FUZZ_TARGET must be one of \(FuzzTarget.allCases.map(\.rawValue))")
        }
        return target
    }()

    /// What libFuzzer calls with each input.
    @c(LLVMFuzzerTestOneInput)
    func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        do {
            try target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
        } catch {
            fatalError("\(target.rawValue): \(error)")
        }
        return 0
    }

    /// What libFuzzer calls to change an input in place; gives the new length.
    @c(LLVMFuzzerCustomMutator)
    func mutate(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: CUnsignedInt) -> Int {
        var generator = SplitMix64(seed: UInt64(seed))
        guard target.startsWithJSON, Int.random(in: 0..<4, using: &generator) > 0 else {
            return mutateBytes(bytes, count, limit)
        }
        let input = Array(UnsafeBufferPointer(start: bytes, count: count))
        let end = input.firstIndex(of: 0) ?? input.count
        let mutated = JSONMutation.mutated(Array(input[..<end]), using: generator) + input[end...]
        guard mutated.count <= limit else { return mutateBytes(bytes, count, limit) }
        bytes.update(from: mutated, count: mutated.count)
        return mutated.count
    }

    /// libFuzzer's own way to change an input.
    @_silgen_name("LLVMFuzzerMutate")
    private func mutateBytes(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int
#endif

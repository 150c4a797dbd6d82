import BotFoundation

/// Runs cases and says how they went.
struct Suite {
    static let all: [FaultCase] = [
        .closeCodes, .silence, .halfOpenAnswer, .stalls, .throttled, .badCredentials, .twoClients, .certificates,
        .oldTLS, .handlers,
        .sigterm, .secondSignal, .suspend, .kill,
        .acknowledgements, .boundaries, .hostile, .callbacks, .thousand, .upload, .largeFiles, .offsets,
    ]

    let context: Context
    let report: Report

    /// Runs them: how many failed.
    func run(_ cases: [FaultCase]) async -> Int {
        report.begin(seed: context.seed)
        let began = ContinuousClock.now
        var verdicts: [Report.Verdict] = []
        await withTaskGroup(of: Report.Verdict.self) { group in
            for one in cases where one.load == .waits { group.addTask { await run(one) } }
            for await verdict in group { verdicts.append(verdict) }
        }
        for one in cases where one.load == .works { verdicts.append(await run(one)) }
        verdicts.append(report.add("secrets", time: .zero, secrets()))
        report.end(verdicts, time: .now - began, seed: context.seed)
        return verdicts.count { $0 == .failed }
    }

    private func run(_ one: FaultCase) async -> Report.Verdict {
        let began = ContinuousClock.now
        let result: Result<String, any Error>
        do { result = .success(try await one.run(context)) } catch { result = .failure(error) }
        return report.add(one.name, time: .now - began, result)
    }

    /// What was logged while the cases ran, at every level.
    private func secrets() -> Result<String, any Error> {
        let (lines, bytes, findings) = context.audit.result
        guard let finding = findings.first else {
            return .success(
                "\(lines) lines (\(bytes / 1_024) KiB) of output at trace level, none with a secret or a signed URL"
            )
        }
        return .failure(Failure(expected: "no line with a secret", seen: finding))
    }
}

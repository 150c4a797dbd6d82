/// A strict reader of Prometheus' text format 0.0.4, as far as this package writes it: HELP, TYPE, then the samples.
struct PrometheusSamples {
    struct Malformed: Error {
        let line: String
    }

    private(set) var values: [String: Double] = [:]
    private(set) var types: [String: String] = [:]

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Malformed(line: "the end") }
        var current = ""
        var helped = Set<String>()
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let malformed = Malformed(line: String(line))
            if let match = line.wholeMatch(of: /# HELP ([a-z_]+) (.+)/) {
                guard helped.insert(String(match.1)).inserted else { throw malformed }
                current = ""
            } else if let match = line.wholeMatch(of: /# TYPE ([a-z_]+) (counter|gauge)/) {
                current = String(match.1)
                guard helped.contains(current), types.updateValue(String(match.2), forKey: current) == nil else {
                    throw malformed
                }
            } else if let match = line.wholeMatch(of: /([a-z_]+)(\{[a-z_]+="(?:[^"\\]|\\[\\"n])*"\})? (-?[0-9.e-]+)/) {
                let key = String(match.1) + String(match.2 ?? "")
                guard match.1 == current, let value = Double(match.3), values.updateValue(value, forKey: key) == nil
                else {
                    throw malformed
                }
            } else {
                throw malformed
            }
        }
        guard helped == Set(types.keys) else { throw Malformed(line: "a HELP without a TYPE") }
    }
}

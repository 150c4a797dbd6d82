internal import BotFoundation

extension Secret {
    /// A text of a peer without this secret in it: a server may quote what it refuses. Looked for by bytes, so that no combining mark
    /// after it hides it.
    func withheld(from text: String) -> String {
        let hidden = Array(value.utf8)
        guard !hidden.isEmpty else { return text }
        let bytes = Array(text.utf8)
        var shown: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: hidden) {
                shown += Array(description.utf8)
                index += hidden.count
            } else {
                shown.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: shown, as: UTF8.self)
    }

    /// Whether a text has this secret in it.
    func occurs(in text: String) -> Bool { !withheld(from: text).utf8.elementsEqual(text.utf8) }
}

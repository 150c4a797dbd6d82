/// `@name` at the beginning of what people write to a bot in a group (official doc 100719). The platform does not mark it.
enum Mention {
    /// The text without the mention that it begins with, and the white space around that. Any other text is left as it is: a mention
    /// further on, somebody else's, and one of which the name is only the beginning.
    static func strip(_ name: String, from text: String) -> String {
        let name = name.first.map(isAt) == true ? name.dropFirst() : name[...]
        let rest = text.drop(while: \.isWhitespace)
        guard !name.isEmpty, let at = rest.first, isAt(at), rest.dropFirst().starts(with: name) else { return text }
        let behind = rest.dropFirst(1 + name.count)
        guard behind.first.map(endsName) ?? true else { return text }
        return String(behind.drop(while: \.isWhitespace))
    }

    private static func isAt(_ character: Character) -> Bool { character == "@" || character == "＠" }

    /// The app puts a space behind a mention. People who write it by hand may go on with punctuation, which the names of bots do not
    /// contain; letters and digits could be the rest of another name.
    private static func endsName(_ character: Character) -> Bool {
        character.isWhitespace || ",，:：;；、/!！?？。".contains(character)
    }
}

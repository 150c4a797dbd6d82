/// Names of files that others have chosen.
package enum FileName {
    /// The longest name, in bytes of UTF-8. Common file systems take 255; the rest is for a number.
    package static let maximumBytes = 240
    /// The longest part behind the last dot that a name keeps when it is shortened, in bytes.
    private static let maximumExtensionBytes = 16

    /// A name that can stand in a directory without harm; `nil` if nothing of it is left.
    ///
    /// Only what follows the last separator counts. Characters that control a terminal, reorder what is shown or mean something
    /// to a shell's or another system's paths are taken out or replaced, leading dots (hidden files) and what Windows drops at the end are taken off,
    /// its device names get an underscore, and what is too long is cut between characters in front of the extension.
    package static func safe(_ name: String) -> String? {
        var name = name
        // What was cut may end in a dot: a safe name is one that stays as it is.
        while let next = harmless(name) {
            if next == name { return name }
            name = next
        }
        return nil
    }

    private static func harmless(_ name: String) -> String? {
        // By scalars: a mark behind a separator makes one character with it.
        let component = name.unicodeScalars.split { $0 == "/" || $0 == "\\" }.last ?? []
        var scalars = String.UnicodeScalarView()
        for scalar in component {
            if Self.isRefused(scalar) { continue }
            scalars.append("<>:\"|?*".unicodeScalars.contains(scalar) ? "_" : scalar)
        }
        let blanks: (Unicode.Scalar) -> Bool = { $0 == "." || $0.properties.isWhitespace }
        var kept = scalars.drop(while: blanks)
        while let last = kept.last, blanks(last) { kept.removeLast() }
        var text = String(kept)
        if isDevice(text) || text == "~" { text = "_" + text }  // alone, it is a shell's word for a directory
        return shortened(text, to: maximumBytes)
    }

    /// The name with a number in front of its extension.
    package static func numbered(_ name: String, _ number: Int) -> String {
        let (stem, ending) = parts(of: name)
        return "\(stem) (\(number))\(ending)"
    }

    private static func isRefused(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
        // The joiners are parts of emoji and of words, and so are tags.
        case .format: scalar != "\u{200C}" && scalar != "\u{200D}" && !(0xE0020...0xE007F).contains(scalar.value)
        default: false
        }
    }

    /// What Windows takes for a device, whatever the extension.
    private static func isDevice(_ name: String) -> Bool {
        let stem = name.prefix { $0 != "." }.uppercased().trimmingSuffix { $0 == " " }
        if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(stem) { return true }
        let isPort = stem.hasPrefix("COM") || stem.hasPrefix("LPT")
        return isPort && stem.count == 4 && "0123456789¹²³".contains(stem.last ?? "-")
    }

    private static func shortened(_ name: String, to limit: Int) -> String? {
        guard name.utf8.count > limit else { return name.isEmpty ? nil : name }
        let (stem, ending) = parts(of: name)
        var text = ""
        for character in stem {
            guard text.utf8.count + character.utf8.count + ending.utf8.count <= limit else { break }
            text.append(character)
        }
        return text.isEmpty ? nil : text + ending
    }

    /// What is in front of the extension, and the extension with its dot; one that is too long is none.
    private static func parts(of name: String) -> (stem: Substring, ending: Substring) {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex,
            name[dot...].utf8.count <= maximumExtensionBytes
        else { return (name[...], "") }
        return (name[..<dot], name[dot...])
    }
}

extension String {
    fileprivate func trimmingSuffix(while isDropped: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, isDropped(last) { text.removeLast() }
        return String(text)
    }
}

extension String {
    /// As much of it as fits into that many UTF-8 bytes, cut between characters: text from the server that goes to people
    /// may be of any length.
    func prefix(maximumBytes: Int) -> String {
        guard utf8.count > maximumBytes else { return self }
        var prefix = ""
        var bytes = 0
        for character in self {
            bytes += character.utf8.count
            if bytes > maximumBytes { break }
            prefix.append(character)
        }
        return prefix
    }
}

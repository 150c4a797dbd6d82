extension StyledLine {
    /// Its lines at this width. Latin text breaks at spaces; Chinese between any two characters, but never before closing
    /// punctuation nor after opening punctuation. What does not fit by itself is cut.
    ///
    /// Only the last line can still change when more text is appended.
    ///
    /// - Parameter hanging: How far every line but the first is indented.
    func wrapped(to width: Int, hanging: Int = 0) -> [StyledLine] {
        let indentation = hanging < width / 2 ? hanging : 0
        var lines: [StyledLine] = []
        var line: [Cell] = []
        var columns = 0
        var start = 0
        func breakLine() {
            while line.last?.character == " " { line.removeLast() }
            lines.append(StyledLine(line))
            line = Array(repeating: Cell(character: " ", style: .plain), count: indentation)
            columns = indentation
            start = indentation
        }
        for unit in units {
            let isSpace = unit.first?.character == " "
            if !isSpace, columns > start, columns + StyledLine(unit).columns > width { breakLine() }
            for cell in unit {
                if columns + cell.character.columns > width {
                    if isSpace { break }  // a line neither ends nor begins with them
                    if columns > start { breakLine() }
                }
                line.append(cell)
                columns += cell.character.columns
            }
        }
        lines.append(StyledLine(line))
        return lines
    }

    /// What stays on one line if it can: words, runs of spaces, single wide characters with their punctuation.
    private var units: [ArraySlice<Cell>] {
        var units: [ArraySlice<Cell>] = []
        var start = cells.startIndex
        for index in cells.indices.dropFirst() where Self.canBreak(cells[index - 1].character, cells[index].character) {
            units.append(cells[start..<index])
            start = index
        }
        return start < cells.endIndex ? units + [cells[start...]] : units
    }

    private static func canBreak(_ before: Character, _ after: Character) -> Bool {
        if (before == " ") != (after == " ") { return true }
        guard before.columns == 2 || after.columns == 2 else { return false }
        return !"，。、；：！？）」』》”’…%".contains(after) && !"（「『《“‘".contains(before)
    }
}

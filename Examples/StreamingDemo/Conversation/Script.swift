/// Who says what: a short conversation, the same every time.
struct Script: Sendable {
    /// Somebody who writes to the bot.
    struct Person: Sendable, Hashable {
        let id: String
        let name: String
    }

    /// Where somebody writes.
    struct Chat: Sendable, Hashable {
        let id: String
        let name: String
        let isGroup: Bool

        static func with(_ person: Person) -> Chat { Chat(id: person.id, name: person.name, isGroup: false) }
    }

    /// A question and its answer.
    struct Turn: Sendable, Hashable {
        let person: Person
        let chat: Chat
        let question: String
        let answer: String
        /// How long the handler takes to write the answer.
        let length: Duration
        /// After how many frames of the answer the connection is reset; `nil` for never.
        var framesBeforeReset: Int?
    }

    /// Turns that overlap: each begins a little after the one before, and the scene ends when all are answered.
    struct Scene: Sendable {
        let turns: [Turn]
    }

    let scenes: [Scene]

    var turns: [Turn] { scenes.flatMap(\.turns) }
    var people: Set<Person> { Set(turns.map(\.person)) }
    var chats: Set<Chat> { Set(turns.map(\.chat)) }

    /// The turn in which this is asked.
    func turn(asking question: String, in chat: String) -> Turn? {
        turns.first { $0.question == question && $0.chat.id == chat }
    }

    /// A text as a language model would write it: a word, or one or two Chinese characters, at a time.
    static func tokens(of text: String) -> [String] {
        var tokens: [String] = []
        var token = ""
        for character in text {
            let wasWide = token.last.map { $0.columns == 2 } ?? false
            let isWide = character.columns == 2
            let isEnd = token.last?.isWhitespace == true && !character.isWhitespace
            if !token.isEmpty, isEnd || isWide != wasWide || (isWide && token.count == 2) {
                tokens.append(token)
                token = ""
            }
            token.append(character)
        }
        if !token.isEmpty { tokens.append(token) }
        return tokens
    }
}

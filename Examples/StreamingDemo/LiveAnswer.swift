import WeComBot

/// What the bot says in WeCom.
enum LiveAnswer {
    /// More of a question is not repeated.
    private static let maximumQuotedCharacters = 200

    /// An answer in the language of the question.
    static func text(for question: String) -> String {
        let question = question.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let quoted = question.prefix(maximumQuotedCharacters) + (question.count > maximumQuotedCharacters ? "…" : "")
        return isChinese(question) ? chinese(quoted) : english(quoted)
    }

    /// For people: how an answer ended.
    static func outcome(_ delivery: Delivery) -> String {
        switch delivery {
        case .delivered: "delivered"
        case .redirected(let reason): "delivered another way: \(reason)"
        case .refused(let reason): "refused: \(reason)"
        case .unknown(let reason): "unknown: \(reason)"
        }
    }

    private static func isChinese(_ text: String) -> Bool {
        let letters = text.unicodeScalars.filter(\.properties.isAlphabetic)
        // A Chinese sentence may well be half Latin names.
        return letters.count { $0.properties.isIdeographic } * 4 > letters.count
    }

    private static func chinese(_ question: some StringProtocol) -> String {
        """
        您好 👋 您刚才说：

        > \(question.isEmpty ? "（没有文字）" : question)

        这条回答是**流式**的：我每写几个字，连接就把目前的全文发一次，气泡随之长大。

        - 第一个字马上就到，不必等全部写完
        - 中间断线也没关系，重新连上以后接着写
        - 最后一帧一定送达，气泡不会一直转圈

        把 `LiveBot.answer` 换成您自己的模型，就是您的机器人了 ✅
        """
    }

    private static func english(_ question: some StringProtocol) -> String {
        """
        Hello 👋 You said:

        > \(question.isEmpty ? "(no text)" : question)

        This answer is **streamed**: whenever I have written a few words, the whole text so far is sent, and the \
        bubble grows.

        - the first words are there at once; nobody waits for the last
        - if the connection breaks in between, it goes on after the reconnect
        - the last frame always goes, so no bubble is left spinning

        Put your own model in the place of `LiveBot.answer`, and it is your bot ✅
        """
    }
}

extension Script {
    /// The conversation that the demo plays.
    ///
    /// - Parameter isFast: Whether the handler is in a hurry. The reset then comes earlier, because fewer frames fit.
    static func standard(isFast: Bool) -> Script {
        let lin = Person(id: "lin.xiaoman", name: "林小满")
        let emma = Person(id: "emma.clarke", name: "Emma")
        let wang = Person(id: "wang.lei", name: "王磊")
        let group = Chat(id: "wr-product", name: "产品群", isGroup: true)

        let greeting = Turn(
            person: lin,
            chat: .with(lin),
            question: "你好！为什么你的回答是一点一点出现的？",
            answer: """
                你好，小满 👋 因为我一边想，一边说。

                每想出几个字，连接就把目前的全文发出去，这个气泡随之长大；您不必等我想完才读到第一个字。
                """,
            length: .milliseconds(2_400)
        )
        let several = Turn(
            person: emma,
            chat: .with(emma),
            question: "Can you talk to several people at once?",
            answer: """
                Of course. While I write this to you, 王磊 is getting his answer in the group next door.

                Each chat has a lane of its own: one turn after another within a chat, and nobody waits for \
                somebody else's answer.
                """,
            length: .milliseconds(3_600)
        )
        let review = Turn(
            person: wang,
            chat: group,
            question: "@小助手 下午三点的评审要准备什么？",
            answer: """
                三件事就够：

                - **目标**：一句话，写在最前面
                - **数据**：上周的留存和首字延迟
                - **决定**：需要大家当场拍板的两个问题

                会议室已经订好，14:50 我来提醒大家 ⏰
                """,
            length: .milliseconds(3_200)
        )
        let tour = Turn(
            person: emma,
            chat: .with(emma),
            question: "Lovely. How do I build a bot like you in Swift?",
            answer: guide,
            length: .milliseconds(7_000),
            framesBeforeReset: isFast ? 1 : 8
        )
        let thanks = Turn(
            person: lin,
            chat: .with(lin),
            question: "刚才好像断线了？",
            answer: "是的，断过一次，已经接上了。没说完的话接着说完，一个字也没少 ✅",
            length: .milliseconds(1_300)
        )
        return Script(scenes: [
            Scene(turns: [greeting]), Scene(turns: [several, review]), Scene(turns: [tour]), Scene(turns: [thanks]),
        ])
    }

    /// A long answer in Markdown.
    private static let guide = """
        # Your first bot 🚀

        You write one function; the package does the rest.

        ## 1. Say what it does

        ```swift
        import WeComBot

        let bot = try Bot(configuration: .load())
        try await bot.run { message, reply in
            for try await token in model.answer(message.text) {
                await reply.write(token)
            }
        }
        ```

        `write` never waits for the network. What your users see catches up by itself, \
        a few times a second, however fast the model is.

        ## 2. Tell it who it is

        Set `WECOM_BOT_ID` and `WECOM_BOT_SECRET`, and start it.

        ## 3. Pull the plug 🔌

        Networks break. When this one does:

        - the bot connects again, after a **random** wait, so that a thousand bots do not knock at once
        - what was under way goes on: every frame carries the whole text, so nothing is missing and nothing comes twice
        - messages that arrive twice are answered **once**

        你写一个函数，剩下的交给它。Have fun! 🎉
        """
}

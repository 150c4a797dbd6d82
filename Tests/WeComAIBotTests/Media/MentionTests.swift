import Testing

@testable import WeComAIBot

struct MentionTests {
    @Test(arguments: [
        ("Helper", "@Helper 请总结一下", "请总结一下"), ("Helper", "@Helper", ""), ("Helper", "  @Helper\u{2005}hi", "hi"),
        ("Helper", "@Helper\u{A0}hi ", "hi "), ("Helper", "@Helper\n第一行\n第二行", "第一行\n第二行"),
        ("@Helper", "@Helper hi", "hi"),
        ("小 助手", "@小 助手 /reset", "/reset"), ("小助手🤖", "@小助手🤖 hi", "hi"), ("Helper", "＠Helper hi", "hi"),
        ("Helper", "@Helper，你好", "，你好"), ("Helper", "@Helper/reset now", "/reset now"), ("a.b*c(", "@a.b*c( hi", "hi"),
        ("Helper", "@Helper @Helper hi", "@Helper hi"), ("e\u{301}", "@é hi", "hi"),
    ])
    func theMentionThatATextBeginsWithIsTakenOff(name: String, text: String, expected: String) {
        #expect(Mention.strip(name, from: text) == expected)
    }

    @Test(arguments: [
        ("Helper", "hi @Helper"), ("Helper", "请 @Helper 看"), ("Helper", "@Helper2 hi"), ("Helper", "@Helpers"),
        ("Helper", "@helper hi"),
        ("Helper", "@Other hi"), ("Helper", "Helper hi"), ("Helper", "@ Helper hi"), ("", "@Helper hi"), ("@", "@ hi"),
        ("Helper", ""),
        ("Helper", "@"), ("Helper", "@Helper\u{301} hi"), ("Helper", "  hi "), ("Helper", "@Helper-2 hi"),
        ("Helper", "@Helper助手 hi"),
        ("Helper", "@Help"), ("Helper", "mail@Helper hi"),
    ])
    func everythingElseStaysAsItIs(name: String, text: String) {
        #expect(Mention.strip(name, from: text) == text)
    }
}

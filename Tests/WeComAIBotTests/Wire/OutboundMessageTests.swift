import BotCore
import BotFoundation
import Foundation
import Testing

@testable import WeComAIBot

struct OutboundMessageTests {
    /// A frame, read by an independent decoder.
    private func object(_ frame: ClientFrame) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: Data(FrameCodec().encode(frame))) as? NSDictionary)
    }

    private func fixture(_ name: String) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: Data(Fixture.bytes(name))) as? NSDictionary)
    }

    private static let user = Conversation(kind: .single, id: "zhangsan")
    private static let group = Conversation(kind: .group, id: "wrABCdef123")

    private static let request = TemplateCard.buttonInteraction(
        .init(title: "审批"),
        taskID: "task_1",
        buttons: [.init("同意", key: "yes", style: .blue), .init("拒绝", key: "no", style: .lightBlue)]
    )

    @Test(arguments: [
        ("out-push-single", "aibot_send_msg_1767225600000_0a1b2c3d", OutboundMessage.markdown("**提醒** 三点开会"), user),
        ("out-push-group", "aibot_send_msg_1767225600001_0a1b2c3d", .markdown("done / 完成"), group),
        ("out-push-card", "s3", .card(request), user),
        (
            "out-push-image", "s2",
            OutboundMessage(kind: .init(rawValue: "image"), body: Array(#"{"media_id":"MEDIA"}"#.utf8)), group
        ),
    ])
    func aPushIsTheDocumentedOne(name: String, id: String, message: OutboundMessage, to: Conversation) throws {
        let body = try message.frameBody(to: to)
        #expect(try object(.message(.sendMessage, RequestID(rawValue: id), body: body)) == fixture(name))
    }

    private static let vote: TemplateCard = {
        var checkbox = TemplateCard.Checkbox(
            questionKey: "q1",
            options: [.init("A", id: "opt_a", isChecked: true), .init("C", id: "opt_c", isChecked: true)],
            allowsSeveral: true
        )
        checkbox.isDisabled = true
        return .voteInteraction(
            .init(title: "投票"),
            taskID: "task_20260101_01",
            checkbox: checkbox,
            submit: .init("已提交", key: "submit_1")
        )
    }()

    @Test(arguments: [
        (
            "out-respond-markdown", Command.respondMessage, "REQ-1",
            OutboundMessage.markdown("**done**", feedbackID: "fb-9")
        ),
        (
            "out-respond-file", .respondMessage, "REQ-1",
            .media(UploadedMedia(id: "MEDIA", kind: .file))
        ),
        (
            "out-respond-video", .respondMessage, "REQ-1",
            .media(UploadedMedia(id: "MEDIA", kind: .video), title: "demo", description: "short")
        ),
        ("out-welcome-text", .respondWelcome, "REQ-E1", .text("你好，我是小助手")),
        (
            "out-welcome-card", .respondWelcome, "REQ-E1",
            .card(.textNotice(.init(title: "欢迎"), link: .url("https://example.com")))
        ),
        ("out-update-card", .respondUpdate, "REQ-E2", .update(vote, for: ["zhangsan"])),
    ])
    func anAnswerIsTheDocumentedOne(name: String, command: Command, id: String, message: OutboundMessage) throws {
        #expect(message.problem == nil)
        let body = try message.frameBody()
        #expect(try object(.message(command, RequestID(rawValue: id), body: body)) == fixture(name))
    }

    @Test(arguments: ["a", "字", "😀", "👩‍👩‍👧‍👦", "e\u{301}"])
    func markdownOfMoreBytesThanFitGoesOnInTheNextMessage(tail: String) throws {
        let fits = OutboundMessage.markdown(FrameEncodingTests.text(20_480, tail), feedbackID: "fb")
        #expect(fits.problem == nil && fits.parts == [fits])
        _ = try fits.frameBody(to: Self.group)
        let text = FrameEncodingTests.text(20_481, tail)
        let long = OutboundMessage.markdown(text, feedbackID: "fb")
        #expect(long.problem == nil && long.parts.count == 2)
        var joined = ""
        for part in long.parts {
            let body = try #require(try part.frameBody()["markdown"])
            let content = try #require(body["content"]?.text)
            #expect((1...20_480).contains(content.utf8.count) && body["feedback"]?["id"]?.text == "fb")
            #expect(part.problem == nil && part.parts == [part])
            joined += content
        }
        #expect(Array(joined.utf8) == Array(text.utf8))
    }

    @Test(arguments: ["a", "字", "😀", "👩‍👩‍👧‍👦", "e\u{301}"])
    func aWelcomeIsLimitedInBytes(tail: String) {
        #expect(OutboundMessage.text(FrameEncodingTests.text(20_480, tail)).problem == nil)
        let long = OutboundMessage.text(FrameEncodingTests.text(20_481, tail))
        #expect(long.problem?.contains("20481") == true && long.problem?.contains("aaaa") == false)
    }

    @Test func onlyMarkdownGoesOnAndWhatCannotBeReadStaysWhole() {
        let long = String(repeating: "a", count: 30_000)
        for body in [#"{"content":"\#(long)""#, #"["\#(long)"]"#, #"{"content":7,"x":"\#(long)"}"#] {
            let message = OutboundMessage(kind: .markdown, body: Array(body.utf8))
            #expect(message.parts == [message])
        }
        let blank = OutboundMessage(
            kind: .markdown,
            body: Array(#"{"content":"\#(String(repeating: " ", count: 30_000))"}"#.utf8)
        )
        let other = OutboundMessage(kind: .init(rawValue: "x"), body: Array(#"{"content":"\#(long)"}"#.utf8))
        #expect(blank.parts == [blank] && other.parts == [other])
    }

    @Test func aFeedbackIDIsLimitedInBytes() {
        #expect(OutboundMessage.markdown("x", feedbackID: FrameEncodingTests.text(256, "字")).problem == nil)
        #expect(OutboundMessage.markdown("x", feedbackID: FrameEncodingTests.text(257, "字")).problem != nil)
        #expect(OutboundMessage.markdown("x", feedbackID: "").problem != nil)
    }

    @Test(arguments: ["", " ", "\n\t\u{3000}"])
    func aBlankTextIsAProblem(text: String) {
        #expect(OutboundMessage.markdown(text).problem != nil)
        #expect(OutboundMessage.text(text).problem != nil)
    }

    @Test(arguments: ["", "[1]", "7", "{", "{\"a\":", "null", "\u{0}{}"])
    func aBodyThatIsNoObjectIsNotSent(body: String) {
        let message = OutboundMessage(kind: .markdown, body: Array(body.utf8))
        #expect(throws: WireError.self) { try message.frameBody() }
        #expect(throws: WireError.self) {
            try OutboundMessage(kind: .init(rawValue: ""), body: Array("{}".utf8)).frameBody()
        }
    }

    @Test func aPushWithoutAPlaceIsNotSent() {
        let nowhere = Conversation(kind: .single, id: "")
        #expect(throws: WireError.self) { try OutboundMessage.markdown("x").frameBody(to: nowhere) }
    }

    @Test func anUpdateForAUserWithoutAnIDIsAProblem() {
        #expect(OutboundMessage.update(Self.vote, for: [""]).problem != nil)
        #expect(OutboundMessage.update(Self.vote, for: nil).problem == nil)
        #expect(OutboundMessage.card(Self.vote).problem != nil, "disabled choices are for updates only")
    }

    @Test(arguments: [
        ("让我想想", "<think>让我想想</think>答"), ("", "<think></think>答"),
        ("a</think>b<think>c", "<think>a(/think)b(think)c</think>答"),
    ])
    func thinkingIsAlwaysClosedOnce(thinking: String, content: String) {
        let update = BubbleUpdate(bubble: 0, text: "答", isFinal: false, thinking: thinking)
        #expect(StreamFrame.content(of: update) == content)
        let size = "答".utf8.count + thinking.utf8.count + StreamFrame.thinkingMarkupBytes
        #expect(content.utf8.count == size, "as many bytes as were counted")
    }
}

import BotCore
import Foundation
import Testing

@testable import GatewaySimulator
@testable import WeComAIBot

/// Cards, and what the simulated service, which has rules of its own, says of them.
struct TemplateCardTests {
    typealias Change = @Sendable (inout TemplateCard) -> Void

    private static func text(_ count: Int) -> String { FrameEncodingTests.text(count, "字") }
    private static let link = TemplateCard.Link.url("https://x.example")
    private static func options(_ count: Int) -> [TemplateCard.Option] { (0..<count).map { .init("选项", id: "\($0)") } }
    private static func selection(_ count: Int = 1, key: String = "q", id: String? = nil) -> TemplateCard.Selection {
        var options = options(count)
        if let id { options[0].id = id }
        return .init(questionKey: key, options: options)
    }
    private static let submit = TemplateCard.Submit("提交", key: "go")

    static let samples: [TemplateCard.Kind: TemplateCard] = [
        .textNotice: .textNotice(.init(title: "标题"), link: link),
        .newsNotice: .newsNotice(.init(title: "标题"), image: .init(url: "https://x.example/i.png"), link: link),
        .buttonInteraction: .buttonInteraction(.init(title: "标题"), taskID: "t", buttons: [.init("按", key: "k")]),
        .voteInteraction: .voteInteraction(
            .init(title: "标题"),
            taskID: "t",
            checkbox: .init(questionKey: "q", options: options(2)),
            submit: submit
        ),
        .multipleInteraction: .multipleInteraction(
            .init(title: "标题"),
            taskID: "t",
            selections: [selection()],
            submit: submit
        ),
    ]

    /// What the service says of a card.
    private func verdict(_ card: TemplateCard, isUpdate: Bool = false) throws -> String? {
        let body = OutboundMessage.card(card).body
        return CardRules.problem(in: try JSONDecoder().decode(JSONValue.self, from: Data(body)), isUpdate: isUpdate)
    }

    @Test(arguments: TemplateCard.Kind.allCases)
    func theLeastOfEachKindIsTaken(kind: TemplateCard.Kind) throws {
        let card = try #require(Self.samples[kind])
        #expect(card.kind == kind && card.problems.isEmpty)
        #expect(try verdict(card) == nil)
    }

    @Test(arguments: TemplateCard.Kind.allCases)
    func everythingOnACardIsTaken(kind: TemplateCard.Kind) throws {
        var card = try #require(Self.samples[kind])
        card.taskID = "task-1_@A"
        card.title = .init(title: "标题", text: "副标题")
        card.source = .init("来源", iconURL: "https://x.example/i.png", color: .red)
        card.menu = .init("更多", entries: [.init("一", key: "1"), .init("二", key: "2"), .init("三", key: "3")])
        card.quote = .init("引用", title: "题", link: .miniProgram(appID: "wx1", page: "p"))
        card.emphasis = .init(title: "100", text: "数据")
        card.subtitle = "二级文本 👩‍👩‍👧‍👦"
        card.details = [
            .init("名", "值"), .init("链接", "开", target: .url("https://x.example")),
            .init("人", "张三", target: .member("zhangsan")), .init("空"),
        ]
        card.jumps = [
            .init("去", target: .link(Self.link)), .init("程序", target: .link(.miniProgram(appID: "wx1"))),
            .init("问", target: .ask("还有什么？")),
        ]
        card.link = .miniProgram(appID: "wx1", page: "p?a=1&b=2")
        card.image = .init(url: "https://x.example/i.png", aspectRatio: 1.3)
        card.imageText = .init(imageURL: "https://x.example/i.png", title: "题", text: "文", link: Self.link)
        card.paragraphs = [.init(title: "段", text: "文"), .init(title: "落")]
        card.selection = .init(questionKey: "q", title: "选", options: Self.options(10), selectedID: "3")
        card.feedbackID = "fb"
        #expect(card.problems.isEmpty)
        #expect(try verdict(card) == nil)
        let json = String(decoding: OutboundMessage.card(card).body, as: UTF8.self)
        #expect(json.contains(#""aspect_ratio":1.3,"#) || json.contains(#""aspect_ratio":1.3}"#))
        #expect(json.contains(#""desc_color":2"#) && json.contains("https://x.example/i.png"))
    }

    /// A bound: what has n, what has n + 1, and on which card.
    struct Bound: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let kind: TemplateCard.Kind
        let fits: Change
        let exceeds: Change

        init(
            _ name: String,
            _ kind: TemplateCard.Kind,
            _ maximum: Int,
            _ set: @escaping @Sendable (inout TemplateCard, Int) -> Void
        ) {
            testDescription = name
            self.kind = kind
            fits = { set(&$0, maximum) }
            exceeds = { set(&$0, maximum + 1) }
        }
    }

    static let bounds: [Bound] = [
        Bound("task_id", .textNotice, 128) { $0.taskID = String(repeating: "t", count: $1) },
        Bound("feedback.id", .textNotice, 256) { $0.feedbackID = text($1) },
        Bound("action_list", .buttonInteraction, 3) { card, count in
            card.menu = .init("更多", entries: (0..<count).map { .init("项", key: "\($0)") })
        },
        Bound("action_list.key", .buttonInteraction, 1_024) {
            $0.menu = .init("更多", entries: [.init("项", key: text($1))])
        },
        Bound("horizontal_content_list", .textNotice, 6) { $0.details = Array(repeating: .init("名"), count: $1) },
        Bound("jump_list", .textNotice, 3) { $0.jumps = Array(repeating: .init("去"), count: $1) },
        Bound("jump_list.question", .textNotice, 200) { $0.jumps = [.init("问", target: .ask(text($1)))] },
        Bound("vertical_content_list", .newsNotice, 4) {
            $0.paragraphs = Array(repeating: .init(title: "段"), count: $1)
        },
        Bound("button_selection.option_list", .buttonInteraction, 10) { $0.selection = selection($1) },
        Bound("button_selection.question_key", .buttonInteraction, 1_024) { $0.selection = selection(key: text($1)) },
        Bound("button_selection.option_list.id", .buttonInteraction, 128) { $0.selection = selection(id: text($1)) },
        Bound("button_list", .buttonInteraction, 6) { card, count in
            card.buttons = (0..<count).map { .init("按", key: "\($0)") }
        },
        Bound("button_list.key", .buttonInteraction, 1_024) { $0.buttons = [.init("按", key: text($1))] },
        Bound("checkbox.option_list", .voteInteraction, 20) {
            $0.checkbox = .init(questionKey: "q", options: options($1))
        },
        Bound("checkbox.question_key", .voteInteraction, 1_024) {
            $0.checkbox = .init(questionKey: text($1), options: options(1))
        },
        Bound("checkbox.option_list.id", .voteInteraction, 128) {
            $0.checkbox = .init(questionKey: "q", options: [.init("选", id: text($1))])
        },
        Bound("select_list", .multipleInteraction, 3) { $0.selections = Array(repeating: selection(), count: $1) },
        Bound("select_list.option_list", .multipleInteraction, 10) { $0.selections = [selection($1)] },
        Bound("select_list.option_list.id", .multipleInteraction, 128) { $0.selections = [selection(id: text($1))] },
        Bound("select_list.question_key", .multipleInteraction, 1_024) { $0.selections = [selection(key: text($1))] },
        Bound("submit_button.key", .voteInteraction, 1_024) { $0.submit = .init("提交", key: text($1)) },
    ]

    @Test(arguments: bounds)
    func eachBoundHoldsAtItsNumberAndNotBeyond(bound: Bound) throws {
        var card = try #require(Self.samples[bound.kind])
        bound.fits(&card)
        #expect(card.problems.isEmpty)
        #expect(try verdict(card) == nil)
        bound.exceeds(&card)
        #expect(card.problems.count == 1)
        #expect(try verdict(card) != nil, "the service has the same bound")
    }

    static let mistakes: [(String, TemplateCard.Kind, Change)] = [
        ("no title at all", .textNotice, { $0.title = .init(title: "") }),
        ("no title", .buttonInteraction, { $0.title = .init(title: "") }),
        ("a notice that leads nowhere", .textNotice, { $0.link = nil }),
        ("news that lead nowhere", .newsNotice, { $0.link = nil }),
        ("news without a picture", .newsNotice, { $0.image = nil }),
        ("no task id", .voteInteraction, { $0.taskID = nil }),
        ("an empty task id", .voteInteraction, { $0.taskID = "" }),
        ("a task id with a space", .voteInteraction, { $0.taskID = "a b" }),
        ("a task id in Chinese", .voteInteraction, { $0.taskID = "任务" }),
        ("a menu without a task id", .textNotice, { $0.menu = .init("更多", entries: [.init("项", key: "k")]) }),
        ("a menu without entries", .buttonInteraction, { $0.menu = .init("更多", entries: []) }),
        ("no buttons", .buttonInteraction, { $0.buttons = [] }),
        ("a button without a key", .buttonInteraction, { $0.buttons = [.init("按", key: "")] }),
        ("a button without a text", .buttonInteraction, { $0.buttons = [.init("", key: "k")] }),
        ("no options", .voteInteraction, { $0.checkbox = .init(questionKey: "q", options: []) }),
        ("no lists", .multipleInteraction, { $0.selections = [] }),
        (
            "an option without an id", .voteInteraction,
            { $0.checkbox = .init(questionKey: "q", options: [.init("选", id: "")]) }
        ),
        ("a picture too wide", .newsNotice, { $0.image?.aspectRatio = 2.26 }),
        ("a picture too high", .newsNotice, { $0.image?.aspectRatio = 1.29 }),
        ("a link without an address", .textNotice, { $0.link = .url("") }),
        ("a mini program without an id", .textNotice, { $0.link = .miniProgram(appID: "") }),
        ("a member without an id", .textNotice, { $0.details = [.init("人", "张", target: .member(""))] }),
        ("a name that is empty", .textNotice, { $0.details = [.init("")] }),
        ("an empty question", .textNotice, { $0.jumps = [.init("问", target: .ask(""))] }),
        ("a choice that is disabled from the beginning", .voteInteraction, { $0.checkbox?.isDisabled = true }),
    ]

    @Test(arguments: mistakes)
    func aMistakeIsNamedBeforeAnythingIsSent(name: String, kind: TemplateCard.Kind, change: Change) throws {
        var card = try #require(Self.samples[kind])
        change(&card)
        #expect(!card.problems.isEmpty)
        #expect(OutboundMessage.card(card).problem?.isEmpty == false)
        #expect(try verdict(card) != nil)
    }

    @Test func whatOnlyThisSideKnowsIsNamedToo() throws {
        var vote = try #require(Self.samples[.voteInteraction])
        vote.checkbox?.options = [.init("一", id: "1", isChecked: true), .init("二", id: "2", isChecked: true)]
        #expect(vote.problems.count == 1, "one may be chosen, two are")
        vote.checkbox?.allowsSeveral = true
        #expect(vote.problems.isEmpty)
        vote.checkbox?.options = [.init("一", id: "1"), .init("二", id: "1")]
        #expect(vote.problems.count == 1, "an id twice")
        var button = try #require(Self.samples[.buttonInteraction])
        button.selection = .init(questionKey: "q", options: Self.options(2), selectedID: "9")
        #expect(button.problems.count == 1, "the choice is none of the options")
    }

    @Test(arguments: [1.3, 2.25])
    func picturesAtTheEdgesOfWhatIsAllowedAreTaken(ratio: Double) throws {
        var card = try #require(Self.samples[.newsNotice])
        card.image?.aspectRatio = ratio
        #expect(card.problems.isEmpty)
        #expect(try verdict(card) == nil)
    }

    @Test func everyProblemIsNamedAtOnceAndNoTextIsRepeated() throws {
        var card = try #require(Self.samples[.buttonInteraction])
        card.taskID = "hunter2 " + String(repeating: "x", count: 130)
        card.buttons = []
        card.feedbackID = ""
        #expect(card.problems.count == 4)
        #expect(!card.problems.joined().contains("hunter2"))
    }

    @Test func disabledChoicesAreForUpdates() throws {
        var card = try #require(Self.samples[.multipleInteraction])
        card.selections[0].isDisabled = true
        #expect(card.problems.count == 1)
        #expect(card.problems(isUpdate: true).isEmpty)
        #expect(try verdict(card, isUpdate: true) == nil)
        #expect(try verdict(card) != nil)
    }
}

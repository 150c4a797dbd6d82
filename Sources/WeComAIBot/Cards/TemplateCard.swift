/// A card: a message with a layout of its own, and things to press (official doc 101032).
///
/// There are five kinds, each with a factory that asks for what the kind must have; the rest is set afterwards. What is pressed comes as
/// an event (`BotCore/Event/cardAction`).
///
///     var card = TemplateCard.buttonInteraction(
///         .init(title: "发布 v2？"),
///         taskID: "release-42",
///         buttons: [.init("同意", key: "yes"), .init("拒绝", key: "no", style: .red)]
///     )
///     card.details = [.init("申请人", "张三")]
///
/// Lengths that the platform only recommends, because more is cut off on the screen, are named in characters; those that it enforces are
/// in bytes and are checked (``problems``).
public struct TemplateCard: Sendable, Hashable {
    /// The kinds of cards.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Text.
        case textNotice = "text_notice"
        /// A picture and text.
        case newsNotice = "news_notice"
        /// Buttons.
        case buttonInteraction = "button_interaction"
        /// One question with options.
        case voteInteraction = "vote_interaction"
        /// Up to three lists to choose from.
        case multipleInteraction = "multiple_interaction"

        /// Whether there is something to be pressed on it.
        var isInteractive: Bool { self != .textNotice && self != .newsNotice }
    }

    /// The kind of card.
    public let kind: Kind
    /// What stands at the top.
    public var title: Title
    /// Names the card when something on it is pressed: at most 128 bytes of digits, Latin letters, `_`, `-` and `@`, never used before by
    /// this bot. Cards with a ``menu`` and those of the last three kinds must have one.
    public var taskID: String?
    /// Who the card is from.
    public var source: Source?
    /// The entries behind the dots in the corner; needs a ``taskID``.
    public var menu: Menu?
    /// Text that is quoted.
    public var quote: Quote?
    /// A figure that stands out.
    public var emphasis: Title?
    /// Text below the title, about 112 characters.
    public var subtitle: String?
    /// Names and values, at most 6.
    public var details: [Detail] = []
    /// Links at the bottom, at most 3.
    public var jumps: [Jump] = []
    /// Where pressing the card itself leads; the first two kinds must have it.
    public var link: Link?
    /// The picture of a ``Kind/newsNotice``.
    public var image: Image?
    /// A small picture with text beside it; a ``Kind/newsNotice`` has this or ``image``.
    public var imageText: ImageText?
    /// Titles with text, at most 4.
    public var paragraphs: [Title] = []
    /// A list to choose from above the buttons.
    public var selection: Selection?
    /// The buttons of a ``Kind/buttonInteraction``, 1 to 6.
    public internal(set) var buttons: [Button] = []
    /// The question of a ``Kind/voteInteraction``.
    public internal(set) var checkbox: Checkbox?
    /// The lists of a ``Kind/multipleInteraction``, 1 to 3.
    public internal(set) var selections: [Selection] = []
    /// What sends the choice off.
    public internal(set) var submit: Submit?
    /// Comes back with the user's rating; at most 256 bytes.
    public var feedbackID: String?

    private init(_ kind: Kind, _ title: Title) {
        self.kind = kind
        self.title = title
    }

    /// Text that leads somewhere when it is pressed.
    ///
    /// - Parameters:
    ///   - title: May be empty if there is a ``subtitle``.
    ///   - link: An address or a mini program.
    public static func textNotice(_ title: Title, link: Link) -> TemplateCard {
        var card = TemplateCard(.textNotice, title)
        card.link = link
        return card
    }

    /// A picture with text that leads somewhere when it is pressed.
    public static func newsNotice(_ title: Title, image: Image, link: Link) -> TemplateCard {
        var card = TemplateCard(.newsNotice, title)
        card.image = image
        card.link = link
        return card
    }

    /// A small picture with text beside it, and more text, that leads somewhere when it is pressed.
    public static func newsNotice(_ title: Title, imageText: ImageText, link: Link) -> TemplateCard {
        var card = TemplateCard(.newsNotice, title)
        card.imageText = imageText
        card.link = link
        return card
    }

    /// Buttons.
    ///
    /// - Parameter buttons: 1 to 6.
    public static func buttonInteraction(_ title: Title, taskID: String, buttons: [Button]) -> TemplateCard {
        var card = TemplateCard(.buttonInteraction, title)
        card.taskID = taskID
        card.buttons = buttons
        return card
    }

    /// One question with options.
    public static func voteInteraction(
        _ title: Title,
        taskID: String,
        checkbox: Checkbox,
        submit: Submit
    ) -> TemplateCard {
        var card = TemplateCard(.voteInteraction, title)
        card.taskID = taskID
        card.checkbox = checkbox
        card.submit = submit
        return card
    }

    /// Lists to choose from.
    ///
    /// - Parameter selections: 1 to 3.
    public static func multipleInteraction(
        _ title: Title,
        taskID: String,
        selections: [Selection],
        submit: Submit
    ) -> TemplateCard {
        var card = TemplateCard(.multipleInteraction, title)
        card.taskID = taskID
        card.selections = selections
        card.submit = submit
        return card
    }
}

extension TemplateCard {
    /// A line, and a smaller one below it.
    public struct Title: Sendable, Hashable {
        /// About 26 characters.
        public var title: String
        /// About 30 characters; below a paragraph's title about 112.
        public var text: String?

        /// Makes a title.
        public init(title: String, text: String? = nil) {
            self.title = title
            self.text = text
        }
    }

    /// Where something leads.
    public enum Link: Sendable, Hashable {
        /// A page.
        case url(String)
        /// A mini program, and the page in it.
        case miniProgram(appID: String, page: String? = nil)
    }

    /// Who a card is from.
    public struct Source: Sendable, Hashable {
        /// The colour of the name.
        public enum Color: Int, Sendable, Hashable, CaseIterable {
            case grey, black, red, green
        }

        /// The name, about 13 characters.
        public var name: String
        /// The address of an icon.
        public var iconURL: String?
        /// The colour of the name.
        public var color: Color?

        /// Names a source.
        public init(_ name: String, iconURL: String? = nil, color: Color? = nil) {
            self.name = name
            self.iconURL = iconURL
            self.color = color
        }
    }

    /// The entries behind the dots in the corner.
    public struct Menu: Sendable, Hashable {
        /// An entry.
        public struct Entry: Sendable, Hashable {
            /// What it says.
            public var text: String
            /// What comes back when it is pressed; at most 1,024 bytes.
            public var key: String

            /// Makes an entry.
            public init(_ text: String, key: String) {
                self.text = text
                self.key = key
            }
        }

        /// What the menu is for.
        public var text: String
        /// The entries, 1 to 3.
        public var entries: [Entry]

        /// Makes a menu.
        public init(_ text: String, entries: [Entry]) {
            self.text = text
            self.entries = entries
        }
    }

    /// Text that is quoted.
    public struct Quote: Sendable, Hashable {
        /// The title of it.
        public var title: String?
        /// The text.
        public var text: String
        /// Where pressing it leads.
        public var link: Link?

        /// Makes a quote.
        public init(_ text: String, title: String? = nil, link: Link? = nil) {
            self.text = text
            self.title = title
            self.link = link
        }
    }

    /// A name and a value.
    public struct Detail: Sendable, Hashable {
        /// What pressing a value shows.
        public enum Target: Sendable, Hashable {
            /// A page.
            case url(String)
            /// The profile of a member, by the user's id.
            case member(String)
        }

        /// About 5 characters.
        public var name: String
        /// About 26 characters.
        public var value: String?
        /// What pressing the value shows.
        public var target: Target?

        /// Makes a name with a value.
        public init(_ name: String, _ value: String? = nil, target: Target? = nil) {
            self.name = name
            self.value = value
            self.target = target
        }
    }

    /// A link at the bottom.
    public struct Jump: Sendable, Hashable {
        /// Where a link leads.
        public enum Target: Sendable, Hashable {
            /// A page or mini program.
            case link(Link)
            /// The bot is asked this, at most 200 bytes.
            case ask(String)
        }

        /// About 13 characters.
        public var title: String
        /// Where it leads; nowhere, unless given.
        public var target: Target?

        /// Makes a link.
        public init(_ title: String, target: Target? = nil) {
            self.title = title
            self.target = target
        }
    }

    /// A picture.
    public struct Image: Sendable, Hashable {
        /// Its address.
        public var url: String
        /// Width to height, 1.3 to 2.25; 1.3 unless given.
        public var aspectRatio: Double?

        /// Names a picture.
        public init(url: String, aspectRatio: Double? = nil) {
            self.url = url
            self.aspectRatio = aspectRatio
        }
    }

    /// A small picture with text beside it.
    public struct ImageText: Sendable, Hashable {
        /// The picture's address.
        public var imageURL: String
        /// The title of the text.
        public var title: String?
        /// The text.
        public var text: String?
        /// Where pressing it leads.
        public var link: Link?

        /// Makes a picture with text.
        public init(imageURL: String, title: String? = nil, text: String? = nil, link: Link? = nil) {
            self.imageURL = imageURL
            self.title = title
            self.text = text
            self.link = link
        }
    }

    /// What can be chosen.
    public struct Option: Sendable, Hashable {
        /// What comes back when it is chosen; at most 128 bytes.
        public var id: String
        /// What it says, about 10 characters.
        public var text: String
        /// Whether it is chosen already; for checkboxes.
        public var isChecked: Bool

        /// Makes an option.
        public init(_ text: String, id: String, isChecked: Bool = false) {
            self.text = text
            self.id = id
            self.isChecked = isChecked
        }
    }

    /// A list of which one is chosen.
    public struct Selection: Sendable, Hashable {
        /// What comes back beside the choice; at most 1,024 bytes.
        public var questionKey: String
        /// What the list is about, about 13 characters.
        public var title: String?
        /// What there is to choose from, 1 to 10.
        public var options: [Option]
        /// The id of the option that is chosen already.
        public var selectedID: String?
        /// Whether nothing can be chosen any more; only in updates of a card.
        public var isDisabled: Bool

        /// Makes a list.
        public init(
            questionKey: String,
            title: String? = nil,
            options: [Option],
            selectedID: String? = nil,
            isDisabled: Bool = false
        ) {
            self.questionKey = questionKey
            self.title = title
            self.options = options
            self.selectedID = selectedID
            self.isDisabled = isDisabled
        }
    }

    /// A question with options.
    public struct Checkbox: Sendable, Hashable {
        /// What comes back beside the choice; at most 1,024 bytes.
        public var questionKey: String
        /// What there is to choose from, 1 to 20.
        public var options: [Option]
        /// Whether more than one may be chosen.
        public var allowsSeveral: Bool
        /// Whether nothing can be chosen any more; only in updates of a card.
        public var isDisabled: Bool

        /// Makes a question.
        public init(questionKey: String, options: [Option], allowsSeveral: Bool = false, isDisabled: Bool = false) {
            self.questionKey = questionKey
            self.options = options
            self.allowsSeveral = allowsSeveral
            self.isDisabled = isDisabled
        }
    }

    /// A button.
    public struct Button: Sendable, Hashable {
        /// The looks of a button, by the platform's number.
        public enum Style: Int, Sendable, Hashable, CaseIterable {
            case blue = 1
            case lightBlue, grey, red
        }

        /// What it says, about 10 characters.
        public var text: String
        /// What comes back when it is pressed; at most 1,024 bytes.
        public var key: String
        /// How it looks.
        public var style: Style

        /// Makes a button.
        public init(_ text: String, key: String, style: Style = .blue) {
            self.text = text
            self.key = key
            self.style = style
        }
    }

    /// The button that sends a choice off.
    public struct Submit: Sendable, Hashable {
        /// What it says, about 10 characters.
        public var text: String
        /// What comes back when it is pressed; at most 1,024 bytes.
        public var key: String

        /// Makes the button.
        public init(_ text: String, key: String) {
            self.text = text
            self.key = key
        }
    }
}

import WeComBot

/// What there is to drink.
enum Menu {
    private static let drinks = [
        (key: "espresso", name: "Espresso"), (key: "latte", name: "Latte"), (key: "nothing", name: "Nothing"),
    ]

    /// All of it, for a file.
    static var text: String { drinks.map { "\($0.name)\t0.00 ¥\n" }.joined() }

    /// The name of what was pressed.
    static func name(of key: String) -> String {
        drinks.first { $0.key == key }?.name ?? "Something"
    }

    /// The card that asks. Its task id must be one that this bot has not used before, so it is made from the id of the message.
    static func card(order: String) -> TemplateCard {
        let allowed = order.unicodeScalars.filter {
            $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil)
        }
        let taskID = "coffee-" + String(String.UnicodeScalarView(allowed.suffix(100)))
        var card = TemplateCard.buttonInteraction(
            .init(title: "Coffee / 咖啡", text: "Freshly ground"),
            taskID: taskID,
            buttons: drinks.map { .init($0.name, key: $0.key, style: $0.key == "nothing" ? .grey : .blue) }
        )
        card.source = .init("card-bot", color: .green)
        card.details = [.init("Price", "0.00 ¥"), .init("Wait", "1 min")]
        return card
    }

    /// The card that takes its place. Its task id is filled in: it is that of the card that was pressed.
    static func receipt(for key: String, orderedBy user: String) -> TemplateCard {
        var card = TemplateCard.textNotice(
            .init(title: "\(name(of: key)), coming up"),
            link: .url("https://work.weixin.qq.com")
        )
        card.details = [.init("For", user, target: user.isEmpty ? nil : .member(user))]
        return card
    }
}

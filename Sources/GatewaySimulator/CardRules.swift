/// What the service takes as a template card (official doc 101032). Bounds are in UTF-8 bytes where the documents say bytes.
struct CardRules {
    private static let kinds = [
        "text_notice", "news_notice", "button_interaction", "vote_interaction", "multiple_interaction",
    ]
    private static let taskIDScalars = Set(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-@".unicodeScalars
    )

    private let isUpdate: Bool
    private var problem: String?

    /// What is wrong with a card; `nil` if nothing is.
    ///
    /// - Parameter isUpdate: Whether it takes the place of another card.
    static func problem(in card: JSONValue?, isUpdate: Bool = false) -> String? {
        var rules = CardRules(isUpdate: isUpdate)
        rules.check(card)
        return rules.problem
    }

    private init(isUpdate: Bool) {
        self.isUpdate = isUpdate
    }

    private mutating func check(_ card: JSONValue?) {
        guard let card, card.isObject, let kind = card["card_type"]?.string else {
            return expect(false, "a card without card_type")
        }
        expect(Self.kinds.contains(kind), "an unknown card_type")
        let isNotice = kind.hasSuffix("_notice")
        if kind == "text_notice" {
            let hasText = isText(card["main_title"]?["title"]) || isText(card["sub_title_text"])
            expect(hasText, "a text_notice without main_title.title and sub_title_text")
        } else {
            expect(isText(card["main_title"]?["title"]) || isText(card["main_title"]?["desc"]), "no main_title")
        }
        checkParts(card)
        if isNotice { expect(card["card_action"] != nil, "a notice without card_action") }
        if let action = card["card_action"] { checkLink(action, isNotice ? 1...2 : 0...2, "card_action") }
        if kind == "news_notice" {
            expect(card["card_image"] != nil || card["image_text_area"] != nil, "a news_notice without a picture")
        }
        let task = card["task_id"]
        expect(task != nil || (isNotice && card["action_menu"] == nil), "no task_id")
        if let task {
            bounded(task, 128, "task_id")
            expect(task.string?.unicodeScalars.allSatisfy(Self.taskIDScalars.contains) == true, "characters of task_id")
        }
        switch kind {
        case "button_interaction": list(card, "button_list", 1...6) { $0.button($1) }
        case "vote_interaction":
            let box = card["checkbox"]
            expect(box?["mode"] == nil || box?["mode"] == .integer(0) || box?["mode"] == .integer(1), "checkbox.mode")
            choice(box, 1...20, "checkbox")
            submit(card)
        case "multiple_interaction":
            list(card, "select_list", 1...3) { $0.choice($1, 1...10, "select_list") }
            submit(card)
        default: break
        }
    }

    private mutating func checkParts(_ card: JSONValue) {
        if let source = card["source"] { number(source["desc_color"], 0...3, "source.desc_color") }
        if let menu = card["action_menu"] {
            list(menu, "action_list", 1...3) { rules, entry in
                rules.expect(rules.isText(entry["text"]), "action_list.text")
                rules.bounded(entry["key"], 1_024, "action_list.key")
            }
        }
        if let quote = card["quote_area"] { checkLink(quote, 0...2, "quote_area") }
        if card["horizontal_content_list"] != nil {
            list(card, "horizontal_content_list", 0...6) { rules, item in
                rules.expect(rules.isText(item["keyname"]), "horizontal_content_list.keyname")
                rules.number(item["type"], 0...3, "horizontal_content_list.type")
                if item["type"] == .integer(1) { rules.expect(rules.isText(item["url"]), "a link without url") }
                if item["type"] == .integer(3) { rules.expect(rules.isText(item["userid"]), "a member without userid") }
            }
        }
        if card["jump_list"] != nil {
            list(card, "jump_list", 0...3) { rules, item in
                rules.expect(rules.isText(item["title"]), "jump_list.title")
                rules.checkLink(item, 0...3, "jump_list")
                if item["type"] == .integer(3) { rules.bounded(item["question"], 200, "jump_list.question") }
            }
        }
        if let image = card["card_image"] {
            expect(isText(image["url"]), "card_image.url")
            let ratio: Double? =
                switch image["aspect_ratio"] {
                case nil: 1.3
                case .integer(let value): Double(value)
                case .number(let value): value
                default: nil
                }
            expect(ratio.map { $0 >= 1.3 && $0 <= 2.25 } == true, "card_image.aspect_ratio")
        }
        if let area = card["image_text_area"] {
            expect(isText(area["image_url"]), "image_text_area.image_url")
            checkLink(area, 0...2, "image_text_area")
        }
        if card["vertical_content_list"] != nil {
            list(card, "vertical_content_list", 0...4) { rules, item in
                rules.expect(rules.isText(item["title"]), "vertical_content_list.title")
            }
        }
        if let selection = card["button_selection"] { choice(selection, 1...10, "button_selection") }
        if let feedback = card["feedback"] { bounded(feedback["id"], 256, "feedback.id") }
    }

    private mutating func button(_ button: JSONValue) {
        expect(isText(button["text"]), "button_list.text")
        bounded(button["key"], 1_024, "button_list.key")
        number(button["style"], 1...4, "button_list.style")
    }

    private mutating func submit(_ card: JSONValue) {
        expect(isText(card["submit_button"]?["text"]), "submit_button.text")
        bounded(card["submit_button"]?["key"], 1_024, "submit_button.key")
    }

    private mutating func choice(_ box: JSONValue?, _ range: ClosedRange<Int>, _ name: String) {
        guard let box else { return expect(false, "no \(name)") }
        bounded(box["question_key"], 1_024, "\(name).question_key")
        switch box["disable"] {
        case nil: break
        case .bool: expect(isUpdate, "\(name).disable of a new card")
        default: expect(false, "\(name).disable is no boolean")
        }
        list(box, "option_list", range) { rules, option in
            rules.bounded(option["id"], 128, "\(name).option_list.id")
            rules.expect(rules.isText(option["text"]), "\(name).option_list.text")
            if let isChecked = option["is_checked"] {
                rules.expect(isChecked == .bool(true) || isChecked == .bool(false), "is_checked is no boolean")
            }
        }
    }

    private mutating func checkLink(_ link: JSONValue, _ types: ClosedRange<Int>, _ name: String) {
        number(link["type"], types, "\(name).type")
        if types.lowerBound > 0 { expect(link["type"] != nil, "\(name).type") }
        if link["type"] == .integer(1) { expect(isText(link["url"]), "\(name).url") }
        if link["type"] == .integer(2) { expect(isText(link["appid"]), "\(name).appid") }
    }

    private mutating func list(
        _ object: JSONValue,
        _ key: String,
        _ range: ClosedRange<Int>,
        _ check: (inout CardRules, JSONValue) -> Void
    ) {
        guard case .array(let elements) = object[key] else { return expect(false, "no \(key)") }
        expect(range.contains(elements.count), "\(elements.count) elements in \(key)")
        for element in elements { check(&self, element) }
    }

    private mutating func number(_ value: JSONValue?, _ range: ClosedRange<Int>, _ name: String) {
        switch value {
        case nil: break
        case .integer(let number): expect(range.contains(number), name)
        default: expect(false, "\(name) is no number")
        }
    }

    private mutating func bounded(_ value: JSONValue?, _ maximum: Int, _ name: String) {
        let count = value?.string?.utf8.count ?? 0
        expect(count > 0 && count <= maximum, "\(count) bytes of \(name)")
    }

    private func isText(_ value: JSONValue?) -> Bool { value?.string?.isEmpty == false }

    /// Keeps the first thing that is wrong.
    private mutating func expect(_ isRight: Bool, _ what: String) {
        if !isRight, problem == nil { problem = what }
    }
}

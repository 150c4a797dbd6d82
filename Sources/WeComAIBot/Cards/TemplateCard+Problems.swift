import BotCore

extension TemplateCard {
    /// Why the platform would not take it as a new card, each with the platform's name of the field; empty if nothing speaks against it
    /// (bounds: official doc 101032).
    public var problems: [String] { problems(isUpdate: false) }

    /// The same for a card that takes the place of another, where what can be chosen may be disabled.
    func problems(isUpdate: Bool) -> [String] {
        var check = CardCheck(isUpdate: isUpdate)
        heading(&check)
        body(&check)
        interaction(&check)
        return check.problems
    }

    private func heading(_ check: inout CardCheck) {
        let hasTitle = !title.title.isEmpty
        let isTitled =
            kind == .textNotice ? hasTitle || subtitle?.isEmpty == false : hasTitle || title.text?.isEmpty == false
        check.require(
            isTitled,
            kind == .textNotice ? "main_title.title or sub_title_text is needed" : "main_title is empty"
        )
        if let menu {
            check.require(taskID != nil, "a card with action_menu needs a task_id")
            check.count(menu.entries.count, 1...3, "action_menu.action_list")
            for entry in menu.entries {
                check.text(entry.text, "action_menu.action_list.text")
                check.text(entry.key, "action_menu.action_list.key", maximum: 1_024)
            }
        }
        if kind.isInteractive { check.require(taskID != nil, "a card of type \(kind.rawValue) needs a task_id") }
        if let taskID {
            check.text(taskID, "task_id", maximum: 128)
            let isPlain = taskID.utf8.allSatisfy { CardCheck.taskIDBytes.contains($0) }
            check.require(isPlain, "task_id has something else than digits, Latin letters, _, - and @")
        }
        if let feedbackID { check.text(feedbackID, "feedback.id", maximum: OutboundMessage.maximumFeedbackIDBytes) }
    }

    private func body(_ check: inout CardCheck) {
        if let link = quote?.link { check.link(link, "quote_area") }
        check.count(details.count, 0...6, "horizontal_content_list")
        for detail in details {
            check.text(detail.name, "horizontal_content_list.keyname")
            switch detail.target {
            case nil: break
            case .url(let url): check.text(url, "horizontal_content_list.url")
            case .member(let user): check.text(user, "horizontal_content_list.userid")
            }
        }
        check.count(jumps.count, 0...3, "jump_list")
        for jump in jumps {
            check.text(jump.title, "jump_list.title")
            switch jump.target {
            case nil: break
            case .link(let link): check.link(link, "jump_list")
            case .ask(let question): check.text(question, "jump_list.question", maximum: 200)
            }
        }
        check.require(link != nil || kind.isInteractive, "a card of type \(kind.rawValue) needs a card_action")
        if let link { check.link(link, "card_action") }
        check.require(
            kind != .newsNotice || image != nil || imageText != nil,
            "a card of type news_notice needs card_image or image_text_area"
        )
        if let image {
            check.text(image.url, "card_image.url")
            let fits = image.aspectRatio.map { (1.3...2.25).contains($0) } ?? true
            check.require(fits, "card_image.aspect_ratio is not between 1.3 and 2.25")
        }
        if let imageText {
            check.text(imageText.imageURL, "image_text_area.image_url")
            if let link = imageText.link { check.link(link, "image_text_area") }
        }
        check.count(paragraphs.count, 0...4, "vertical_content_list")
        for paragraph in paragraphs { check.text(paragraph.title, "vertical_content_list.title") }
    }

    private func interaction(_ check: inout CardCheck) {
        if let selection { check.selection(selection, "button_selection") }
        if kind == .buttonInteraction { check.count(buttons.count, 1...6, "button_list") }
        for button in buttons {
            check.text(button.text, "button_list.text")
            check.text(button.key, "button_list.key", maximum: 1_024)
        }
        if let checkbox {
            check.text(checkbox.questionKey, "checkbox.question_key", maximum: 1_024)
            check.options(checkbox.options, 1...20, "checkbox")
            check.enabled(!checkbox.isDisabled, "checkbox")
            let checked = checkbox.options.count(where: \.isChecked)
            check.require(checkbox.allowsSeveral || checked <= 1, "checkbox allows one choice and has \(checked)")
        }
        if kind == .multipleInteraction { check.count(selections.count, 1...3, "select_list") }
        for selection in selections { check.selection(selection, "select_list") }
        if let submit {
            check.text(submit.text, "submit_button.text")
            check.text(submit.key, "submit_button.key", maximum: 1_024)
        }
    }
}

/// Collects what is wrong with a card. Never repeats its text.
private struct CardCheck {
    static let taskIDBytes = Set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-@".utf8)

    let isUpdate: Bool
    private(set) var problems: [String] = []

    init(isUpdate: Bool) {
        self.isUpdate = isUpdate
    }

    mutating func require(_ isRight: Bool, _ problem: String) {
        if !isRight { problems.append(problem) }
    }

    mutating func text(_ value: String, _ field: String, maximum: Int = .max) {
        let count = value.utf8.count
        require(count > 0, "\(field) is empty")
        require(count <= maximum, "\(field) has \(count) bytes; \(maximum) are allowed")
    }

    mutating func count(_ count: Int, _ range: ClosedRange<Int>, _ field: String) {
        require(
            range.contains(count),
            "\(field) has \(count) elements; \(range.lowerBound) to \(range.upperBound) are allowed"
        )
    }

    mutating func link(_ link: TemplateCard.Link, _ field: String) {
        switch link {
        case .url(let url): text(url, "\(field).url")
        case .miniProgram(let appID, _): text(appID, "\(field).appid")
        }
    }

    mutating func enabled(_ isEnabled: Bool, _ field: String) {
        require(isEnabled || isUpdate, "\(field).disable is for updates of a card only")
    }

    mutating func options(_ options: [TemplateCard.Option], _ range: ClosedRange<Int>, _ field: String) {
        count(options.count, range, "\(field).option_list")
        for option in options {
            text(option.id, "\(field).option_list.id", maximum: 128)
            text(option.text, "\(field).option_list.text")
        }
        require(Set(options.map(\.id)).count == options.count, "\(field).option_list has an id twice")
    }

    mutating func selection(_ selection: TemplateCard.Selection, _ field: String) {
        text(selection.questionKey, "\(field).question_key", maximum: 1_024)
        options(selection.options, 1...10, field)
        enabled(!selection.isDisabled, field)
        if let id = selection.selectedID {
            require(selection.options.contains { $0.id == id }, "\(field).selected_id is none of its options")
        }
    }
}

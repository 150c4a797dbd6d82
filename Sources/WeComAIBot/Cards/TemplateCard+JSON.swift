import FoundationEssentials

extension TemplateCard {
    /// The card as the platform expects it. What is not set is not there.
    var json: [String: JSONTree] {
        var card: [String: JSONTree] = ["card_type": .string(kind.rawValue)]
        if let source { card["source"] = source.json }
        if let menu { card["action_menu"] = menu.json }
        if !title.title.isEmpty || title.text != nil { card["main_title"] = title.json }
        if let emphasis { card["emphasis_content"] = emphasis.json }
        if let quote { card["quote_area"] = quote.json }
        card.set("sub_title_text", subtitle)
        card.set("horizontal_content_list", details.map(\.json))
        card.set("jump_list", jumps.map(\.json))
        if let link { card["card_action"] = .object(link.members) }
        if let image { card["card_image"] = image.json }
        if let imageText { card["image_text_area"] = imageText.json }
        card.set("vertical_content_list", paragraphs.map(\.json))
        if let selection { card["button_selection"] = selection.json }
        card.set("button_list", buttons.map(\.json))
        if let checkbox { card["checkbox"] = checkbox.json }
        card.set("select_list", selections.map(\.json))
        if let submit { card["submit_button"] = .object(["text": .string(submit.text), "key": .string(submit.key)]) }
        card.set("task_id", taskID)
        if let feedbackID { card["feedback"] = .object(["id": .string(feedbackID)]) }
        return card
    }
}

extension [String: JSONTree] {
    fileprivate mutating func set(_ key: String, _ text: String?) {
        if let text { self[key] = .string(text) }
    }

    fileprivate mutating func set(_ key: String, _ list: [JSONTree]) {
        if !list.isEmpty { self[key] = .array(list) }
    }
}

extension TemplateCard.Title {
    fileprivate var json: JSONTree {
        var members: [String: JSONTree] = [:]
        members.set("title", title.isEmpty ? nil : title)
        members.set("desc", text)
        return .object(members)
    }
}

extension TemplateCard.Link {
    fileprivate var members: [String: JSONTree] {
        switch self {
        case .url(let url):
            return ["type": .number(1), "url": .string(url)]
        case .miniProgram(let appID, let page):
            var members: [String: JSONTree] = ["type": .number(2), "appid": .string(appID)]
            members.set("pagepath", page)
            return members
        }
    }
}

extension TemplateCard.Source {
    fileprivate var json: JSONTree {
        var members: [String: JSONTree] = ["desc": .string(name)]
        members.set("icon_url", iconURL)
        if let color { members["desc_color"] = .number(Decimal(color.rawValue)) }
        return .object(members)
    }
}

extension TemplateCard.Menu {
    fileprivate var json: JSONTree {
        let list = entries.map { JSONTree.object(["text": .string($0.text), "key": .string($0.key)]) }
        return .object(["desc": .string(text), "action_list": .array(list)])
    }
}

extension TemplateCard.Quote {
    fileprivate var json: JSONTree {
        var members = link?.members ?? [:]
        members.set("title", title)
        members.set("quote_text", text)
        return .object(members)
    }
}

extension TemplateCard.Detail {
    fileprivate var json: JSONTree {
        var members: [String: JSONTree] = ["keyname": .string(name)]
        members.set("value", value)
        switch target {
        case nil: break
        case .url(let url): members.merge(["type": .number(1), "url": .string(url)]) { $1 }
        case .member(let user): members.merge(["type": .number(3), "userid": .string(user)]) { $1 }
        }
        return .object(members)
    }
}

extension TemplateCard.Jump {
    fileprivate var json: JSONTree {
        var members: [String: JSONTree] = ["title": .string(title)]
        switch target {
        case nil: break
        case .link(let link): members.merge(link.members) { $1 }
        case .ask(let question): members.merge(["type": .number(3), "question": .string(question)]) { $1 }
        }
        return .object(members)
    }
}

extension TemplateCard.Image {
    fileprivate var json: JSONTree {
        var members: [String: JSONTree] = ["url": .string(url)]
        // By its digits: a decimal made of the binary number itself would have more of them.
        if let aspectRatio, let ratio = Decimal(string: "\(aspectRatio)") { members["aspect_ratio"] = .number(ratio) }
        return .object(members)
    }
}

extension TemplateCard.ImageText {
    fileprivate var json: JSONTree {
        var members = link?.members ?? [:]
        members.set("title", title)
        members.set("desc", text)
        members.set("image_url", imageURL)
        return .object(members)
    }
}

extension TemplateCard.Selection {
    fileprivate var json: JSONTree {
        let list = options.map { JSONTree.object(["id": .string($0.id), "text": .string($0.text)]) }
        var members: [String: JSONTree] = ["question_key": .string(questionKey), "option_list": .array(list)]
        members.set("title", title)
        members.set("selected_id", selectedID)
        if isDisabled { members["disable"] = .bool(true) }
        return .object(members)
    }
}

extension TemplateCard.Checkbox {
    fileprivate var json: JSONTree {
        let list = options.map { option in
            JSONTree.object([
                "id": .string(option.id), "text": .string(option.text), "is_checked": .bool(option.isChecked),
            ])
        }
        var members: [String: JSONTree] = [
            "question_key": .string(questionKey), "option_list": .array(list),
            "mode": .number(allowsSeveral ? 1 : 0),
        ]
        if isDisabled { members["disable"] = .bool(true) }
        return .object(members)
    }
}

extension TemplateCard.Button {
    fileprivate var json: JSONTree {
        .object(["text": .string(text), "key": .string(key), "style": .number(Decimal(style.rawValue))])
    }
}

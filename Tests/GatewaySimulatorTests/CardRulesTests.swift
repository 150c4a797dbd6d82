import Foundation
import Testing

@testable import GatewaySimulator

/// What the service says of cards, written by hand.
struct CardRulesTests {
    private func problem(_ card: String, isUpdate: Bool = false) throws -> String? {
        CardRules.problem(in: try JSONDecoder().decode(JSONValue.self, from: Data(card.utf8)), isUpdate: isUpdate)
    }

    private static let action = #""card_action":{"type":1,"url":"https://x.example"}"#
    private static let title = #""main_title":{"title":"t"}"#

    @Test(arguments: [
        #"{"card_type":"text_notice","sub_title_text":"x",\#(action)}"#,
        #"{"card_type":"news_notice",\#(title),"card_image":{"url":"u","aspect_ratio":2},\#(action)}"#,
        #"{"card_type":"button_interaction",\#(title),"task_id":"t","button_list":[{"text":"a","key":"k"}]}"#,
    ])
    func whatTheDocumentsShowIsTaken(card: String) throws {
        #expect(try problem(card) == nil)
    }

    @Test(
        "numbers and booleans are not strings, and what is needed is there",
        arguments: [
            "{}", "[]", #"{"card_type":"hologram"}"#, #"{"card_type":"text_notice",\#(action)}"#,
            #"{"card_type":"text_notice",\#(title)}"#,
            #"{"card_type":"text_notice",\#(title),"card_action":{"type":"1","url":"https://x.example"}}"#,
            #"{"card_type":"text_notice",\#(title),"card_action":{"type":0}}"#,
            #"{"card_type":"text_notice",\#(title),"card_action":{"url":"https://x.example"}}"#,
            #"{"card_type":"text_notice",\#(title),\#(action),"source":{"desc":"a","desc_color":"0"}}"#,
            #"{"card_type":"text_notice",\#(title),\#(action),"source":{"desc":"a","desc_color":4}}"#,
            #"{"card_type":"news_notice",\#(title),"card_image":{"url":"u","aspect_ratio":"1.3"},\#(action)}"#,
            #"{"card_type":"button_interaction",\#(title),"task_id":"t","button_list":[{"text":"a","key":"k","style":5}]}"#,
            #"{"card_type":"button_interaction",\#(title),"button_list":[{"text":"a","key":"k"}]}"#,
            #"{"card_type":"vote_interaction",\#(title),"task_id":"t","submit_button":{"text":"s","key":"k"}}"#,
        ]
    )
    func whatTheyForbidIsNot(card: String) throws {
        #expect(try problem(card) != nil)
    }

    @Test(
        "a thinking block that is not closed, or comes late, is a violation",
        arguments: ["<think>x", "a<think>b</think>", "</think>"]
    )
    func thinking(content: String) {
        var script = Transcript.subscribed()
        let message = script.push()
        script.stream(message.requestID, "s", "<think>x</think>y")
        #expect(script.violations.isEmpty)
        script.stream(message.requestID, "s", content)
        #expect(script.violations.count == 1)
    }

    @Test("a feedback id after the first frame of a stream is a violation")
    func feedback() {
        var script = Transcript.subscribed()
        let message = script.push()
        let body = #"{"msgtype":"stream","stream":{"id":"s","content":"x","feedback":{"id":"fb"}}}"#
        script.frame("aibot_respond_msg", message.requestID, body)
        #expect(script.violations.isEmpty)
        script.frame("aibot_respond_msg", message.requestID, body)
        #expect(script.violations.count == 1)
    }
}

import GatewaySimulator
import Testing

@Suite("GatewayCodec")
struct GatewayCodecTests {
    let codec = GatewayCodec()

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("a client's frame comes apart")
    func decode() throws {
        let frame = try codec.decode(
            Array(
                #"{"cmd":"aibot_respond_msg","headers":{"req_id":"R-1","x":[1]},"body":{"msgtype":"stream","n":1.5},"y":0}"#
                    .utf8
            )
        )
        #expect(frame.command == "aibot_respond_msg")
        #expect(frame.requestID == "R-1")
        #expect(frame.body == ["msgtype": "stream", "n": 1.5])
    }

    @Test("a ping needs no body, and may have one")
    func ping() throws {
        #expect(try codec.decode(Array(#"{"cmd":"ping","headers":{"req_id":"p"}}"#.utf8)).body == nil)
        #expect(try codec.decode(Array(#"{"cmd":"ping","headers":{"req_id":"p"},"body":{}}"#.utf8)).body == [:])
    }

    @Test(
        "what is no frame is refused, and not quoted",
        arguments: [
            "", "{", "[]", "null", #"{"cmd":"ping"}"#, #"{"cmd":"ping","headers":null}"#,
            #"{"cmd":"ping","headers":{"req_id":7}}"#, #"{"cmd":"ping","headers":{"req_id":""}}"#,
            #"{"cmd":"","headers":{"req_id":"p"}}"#, #"{"cmd":1,"headers":{"req_id":"p"}}"#,
            #"{"headers":{"req_id":"p"},"body":{"secret":"hidden"}}"#,
            #"{"cmd":"ping","headers":{"req_id":"p"}} trailing"#,
        ]
    )
    func malformed(text: String) {
        let error = #expect(throws: GatewayCodec.Malformed.self) { try codec.decode(Array(text.utf8)) }
        #expect(error?.description.contains("hidden") == false)
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() {
        let bytes = Array(#"{"cmd":"ping","headers":{"req_id":""#.utf8) + [0xFF, 0xFE] + Array(#""}}"#.utf8)
        #expect(throws: GatewayCodec.Malformed.self) { try codec.decode(bytes) }
    }

    @Test("a client's nesting cannot break the decoder")
    func nesting() {
        let nest = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        #expect(throws: GatewayCodec.Malformed.self) {
            try codec.decode(Array(#"{"cmd":"ping","headers":{"req_id":"p"},"body":\#(nest)}"#.utf8))
        }
    }

    @Test("an acknowledgement has no cmd, and slashes and Chinese stay as they are")
    func acknowledgement() {
        #expect(
            text(codec.acknowledgement(of: "R-1", code: .ok))
                == #"{"errcode":0,"errmsg":"ok","headers":{"req_id":"R-1"}}"#
        )
        #expect(text(codec.encode(["u": "https://a/b", "t": "中文🙂"])) == #"{"t":"中文🙂","u":"https://a/b"}"#)
    }

    @Test("callbacks carry their command")
    func callbacks() {
        let message = text(codec.messageCallback(requestID: "R", body: ["msgid": "M"]))
        #expect(message == #"{"body":{"msgid":"M"},"cmd":"aibot_msg_callback","headers":{"req_id":"R"}}"#)
        let event = text(codec.eventCallback(requestID: "R", body: ["msgid": "M"]))
        #expect(event == #"{"body":{"msgid":"M"},"cmd":"aibot_event_callback","headers":{"req_id":"R"}}"#)
    }

    @Test("every kind of value survives, and infinity becomes null")
    func values() {
        let document: JSONValue = ["a": [nil, true, 1, 1.5, "x\n\"\\\u{1}"], "b": .number(.infinity)]
        #expect(text(codec.encode(document)) == #"{"a":[null,true,1,1.5,"x\n\"\\\u0001"],"b":null}"#)
    }
}

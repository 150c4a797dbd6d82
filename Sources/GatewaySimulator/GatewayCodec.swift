import FoundationEssentials

/// The far side's own encoder and decoder.
///
/// It shares nothing with the client's: if both ends shared one, they could share a bug.
package struct GatewayCodec: Sendable {
    /// One frame of a client, taken apart as far as every command has in common.
    package struct ClientFrame: Sendable, Hashable {
        /// The command as written; it may be one that does not exist.
        package let command: String
        /// `headers.req_id`.
        package let requestID: String
        /// `body`, if there is one.
        package let body: JSONValue?
    }

    /// Why a frame of a client is not one.
    package struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        /// What is wrong. Never quotes the frame: it may hold the secret.
        package let description: String
    }

    /// Makes a codec.
    package init() {}

    /// Takes a client's frame apart.
    package func decode(_ bytes: [UInt8]) throws(Malformed) -> ClientFrame {
        let document: JSONValue
        do {
            document = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        } catch {
            throw Malformed(description: "\(bytes.count) bytes that are not JSON")
        }
        guard document.isObject else { throw Malformed(description: "JSON that is not an object") }
        guard let command = document["cmd"]?.string, !command.isEmpty else {
            throw Malformed(description: "no string in cmd")
        }
        guard let requestID = document["headers"]?["req_id"]?.string, !requestID.isEmpty else {
            throw Malformed(description: "no string in headers.req_id (cmd \(command.prefix(64)))")
        }
        return ClientFrame(command: command, requestID: requestID, body: document["body"])
    }

    /// An acknowledgement. It has no `cmd`, and names only the `req_id`.
    package func acknowledgement(of requestID: String, code: ServerCode, body: JSONValue? = nil) -> [UInt8] {
        var document: [String: JSONValue] = [
            "headers": ["req_id": .string(requestID)],
            "errcode": .integer(code.rawValue),
            "errmsg": .string(code.message),
        ]
        document["body"] = body
        return encode(.object(document))
    }

    /// A message callback.
    package func messageCallback(requestID: String, body: JSONValue) -> [UInt8] {
        encode(["cmd": "aibot_msg_callback", "headers": ["req_id": .string(requestID)], "body": body])
    }

    /// An event callback.
    package func eventCallback(requestID: String, body: JSONValue) -> [UInt8] {
        encode(["cmd": "aibot_event_callback", "headers": ["req_id": .string(requestID)], "body": body])
    }

    /// Any document as bytes, keys in alphabetical order so that transcripts can be compared.
    package func encode(_ document: JSONValue) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(document))
        } catch {
            // Every JSONValue has a JSON form (non-finite numbers become null), so there is no input that leads here.
            preconditionFailure("a JSON value was not encoded: \(error)")
        }
    }
}

/// A form with one file in it (RFC 7578).
struct MultipartForm: Sendable {
    /// Not to be guessed, so that no content has it in it.
    private let boundary: String

    init() {
        let random = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }
        boundary = "swift-wecom-bot-\(random.joined())"
    }

    /// The `Content-Type` of ``encode(_:named:in:)``.
    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    /// The form.
    ///
    /// - Parameters:
    ///   - name: The name of the file, which goes as it is: without quotation marks and control characters.
    ///   - field: The name of the field.
    func encode(_ content: [UInt8], named name: String, in field: String) -> [UInt8] {
        let head = """
            --\(boundary)\r
            Content-Disposition: form-data; name="\(field)"; filename="\(name)"\r
            Content-Type: application/octet-stream\r
            \r

            """
        return Array(head.utf8) + content + Array("\r\n--\(boundary)--\r\n".utf8)
    }
}

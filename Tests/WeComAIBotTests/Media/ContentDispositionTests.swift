import Testing

@testable import WeComAIBot

struct ContentDispositionTests {
    @Test(arguments: [
        (#"attachment; filename="report.pdf""#, "report.pdf"), ("attachment; filename=report.pdf", "report.pdf"),
        (#"attachment;filename="a b;c.pdf";size=3"#, "a b;c.pdf"), (#"ATTACHMENT ; FileName = "x.pdf" "#, "x.pdf"),
        ("attachment; filename*=UTF-8''%E5%B9%B4%E5%BA%A6%20%E6%8A%A5%E5%91%8A.docx", "年度 报告.docx"),
        ("attachment; filename*=utf-8'zh'%f0%9f%99%82.png; filename=\"fallback.png\"", "🙂.png"),
        ("attachment; filename=\"fallback.png\"; filename*=UTF-8''real.png", "real.png"),
        ("attachment; filename*=iso-8859-1'en'%A3%20rates.txt", "£ rates.txt"),
        (#"attachment; filename="%E6%8A%A5%E5%91%8A.pdf""#, "报告.pdf"), (#"attachment; filename="报告.pdf""#, "报告.pdf"),
        (#"attachment; filename="100% sure.pdf""#, "100% sure.pdf"),
        (#"attachment; filename="%FF%FE.pdf""#, "%FF%FE.pdf"),
        (#"attachment; filename="a\"b.pdf""#, "a_b.pdf"), (#"attachment; filename="C:\dir\a.pdf""#, "a.pdf"),
        (#"attachment; filename="\\server\share\a.pdf""#, "a.pdf"),
        (#"attachment; filename="..%2F..%2Fetc%2Fpasswd""#, "passwd"),
        ("attachment; filename*=UTF-8''..%5C..%5Cx.exe", "x.exe"),
        ("attachment; filename*=UTF-8''a%00b%0Ac.pdf", "abc.pdf"),
        ("attachment; filename=\"unclosed.pdf", "unclosed.pdf"),
        // A name that is damaged or in an unknown character set is not used if there is another.
        ("attachment; filename*=UTF-8''%E5%B9.pdf; filename=b.pdf", "b.pdf"),
        ("attachment; filename*=UTF-8''%zz; filename=b", "b"),
        ("attachment; filename*=GBK''%B1%A8; filename=b.pdf", "b.pdf"),
        ("attachment; filename*=nonsense; filename=b", "b"),
        ("attachment; filename=first; filename=second", "first"), ("filename=bare.pdf", "bare.pdf"),
        ("attachment; xfilename=no", nil), ("attachment", nil), ("", nil), (";;;===;\"", nil),
        ("attachment; filename=", nil),
        (#"attachment; filename="..""#, nil), (#"attachment; filename="""#, nil),
        ("attachment; filename*=UTF-8''", nil),
        (#"attachment; x="filename=no.pdf"; filename=yes.pdf"#, "yes.pdf"),
    ])
    func theNameIsRead(header: String, expected: String?) {
        #expect(ContentDisposition.fileName(in: header) == expected)
    }
}

import Testing

@testable import WeComAIBot

struct PublicAddressTests {
    /// The first and the last address of each range, and their neighbours outside.
    private static let ranges: [(first: String, last: String, before: String?, after: String?)] = [
        ("0.0.0.0", "0.255.255.255", nil, "1.0.0.0"), ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
        ("100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"),
        ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"),
        ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"),
        ("172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"),
        ("192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"),
        ("192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"),
        ("192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"),
        ("192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"),
        ("198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"),
        ("198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"),
        ("203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"),
        ("224.0.0.0", "255.255.255.255", "223.255.255.255", nil),
        ("168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2000:ffff::", "2001:200::"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff::", "2001:db9::"),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:ffff::", "2003::"),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe:ffff::", "3fff:1000::"),
    ]

    @Test(arguments: ranges)
    func rangesEndWhereTheyEnd(first: String, last: String, before: String?, after: String?) {
        #expect(!PublicAddress.contains(first) && !PublicAddress.contains(last))
        for neighbour in [before, after].compactMap(\.self) {
            #expect(PublicAddress.contains(neighbour), "\(neighbour)")
        }
    }

    @Test(arguments: [
        "169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "::1", "::", "fe80::1", "fec0::1",
        "fc00::1",
        "fdff::1", "ff02::1", "100::1", "64:ff9b:1::1", "5f00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "::127.0.0.1", "::8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:808:808::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "4000::1",
        "", "localhost", "1.2.3", "127.1", "0x7f000001", "2130706433", "1.2.3.4 ", "[::1]", "fe80::1%eth0",
        "::ffff:1.2.3.4.5",
    ])
    func whatIsNotPublicIsRefusedInEveryForm(address: String) {
        #expect(!PublicAddress.contains(address))
    }

    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "119.29.29.29", "203.205.128.1", "2400:3200::1", "2606:4700:4700::1111", "2a00:1450::1",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2620:4f:8000::1",
    ])
    func whatIsPublicIsTaken(address: String) {
        #expect(PublicAddress.contains(address))
    }

    /// Every IPv4 address is judged the same in the forms of IPv6 that lead to it.
    @Test func mappedAndTranslatedFormsAreJudgedByTheirInside() {
        for first in 0...255 {
            for rest in ["0.0.1", "64.0.1", "254.169.254", "255.255.255", "88.99.1", "168.1.1"] {
                let inside = PublicAddress.contains("\(first).\(rest)")
                #expect(PublicAddress.contains("::ffff:\(first).\(rest)") == inside)
                #expect(PublicAddress.contains("64:ff9b::\(first).\(rest)") == inside)
            }
        }
    }
}

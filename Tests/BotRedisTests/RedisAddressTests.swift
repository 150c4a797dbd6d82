import BotFoundation
import Testing

@testable import BotRedis

@Suite struct RedisAddressTests {
    @Test func itIsShownWithoutItsPassword() {
        let host = RedisAddress(.host("::1", port: 6_379), user: "u", password: Secret("geheim"), database: 2)
        #expect("\(host)" == "redis://[::1]:6379/2")
        #expect("\(RedisAddress(.host("redis.example", port: 1)))" == "redis://redis.example:1/0")
        #expect("\(RedisAddress(.unixSocket(path: "/run/r.sock"), password: Secret("geheim")))" == "unix:///run/r.sock")
    }
}

import BotCore
import Testing

@testable import WeComAIBot

/// Which way an update goes after which answer.
struct ReplyPathTests {
    private static func refused(_ code: Int?) -> Delivery { .refused(.init(code: code, "no \(code ?? 0)")) }

    private static func reason(_ code: Int) -> Delivery.Reason { .init(code: code, "no \(code)") }

    private func final(_ bubble: Int = 0) -> BubbleUpdate { BubbleUpdate(bubble: bubble, text: "全文", isFinal: true) }

    private func intermediate(_ bubble: Int = 0) -> BubbleUpdate {
        BubbleUpdate(bubble: bubble, text: "半", isFinal: false)
    }

    private func isLocallyRefused(_ step: ReplyPath.Step) -> Bool {
        guard case .done(.refused(let reason)) = step else { return false }
        return reason.code == nil && reason.message.hasPrefix("the bubble is not updated any more")
    }

    private let lost = Delivery.unknown(.init("lost"))

    @Test func eachBubbleIsAStreamOfItsOwn() {
        var path = ReplyPath(streamID: "s")
        #expect(path.begin(intermediate()) == .send(.stream(id: "s")))
        #expect(path.settled(.delivered) == .done(.delivered))
        #expect(path.begin(final()) == .send(.stream(id: "s")))
        #expect(path.settled(.delivered) == .done(.delivered))
        #expect(path.begin(final(1)) == .send(.stream(id: "s_1")))
        #expect(path.settled(.delivered) == .done(.delivered))
    }

    @Test func anExpiredStreamIsFollowedByAnotherAndThenByAPush() {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(final())
        #expect(path.settled(Self.refused(846_608)) == .send(.stream(id: "s_again")))
        #expect(path.settled(.delivered) == .done(.redirected(Self.reason(846_608))))
        #expect(path.begin(final(1)) == .send(.stream(id: "s_1")))
        #expect(path.settled(Self.refused(846_608)) == .send(.stream(id: "s_1_again")))
        #expect(path.settled(Self.refused(846_608)) == .send(.push))
        #expect(path.settled(.delivered) == .done(.redirected(Self.reason(846_608))))
        #expect(path.begin(final(2)) == .send(.push), "a stream was left open")
        #expect(path.settled(.delivered) == .done(.redirected(Self.reason(846_608))))
    }

    @Test func theGroupWebhookIsTheLastWay() {
        var path = ReplyPath(streamID: "s")
        for bubble in 0...1 {
            let first = path.begin(final(bubble))
            #expect(first == .send(bubble == 0 ? .stream(id: "s") : .push))
            if bubble == 0 { #expect(path.settled(Self.refused(846_605), hasGroupWebhook: true) == .send(.push)) }
            #expect(path.settled(Self.refused(95_001), hasGroupWebhook: true) == .send(.groupWebhook))
            guard case .done(.redirected(let reason)) = path.settled(.delivered, hasGroupWebhook: true) else {
                Issue.record("it was not redirected")
                return
            }
            #expect(reason.code == 95_001 && reason.message.contains("sent to the group webhook"))
            #expect(reason.message.contains("no 846605"))
        }
        _ = path.begin(final(2))
        _ = path.settled(Self.refused(95_001), hasGroupWebhook: true)
        guard case .done(.refused(let reason)) = path.settled(Self.refused(93_000), hasGroupWebhook: true) else {
            Issue.record("it was not refused")
            return
        }
        #expect(reason.code == 93_000 && reason.message.contains("no 95001"))
        _ = path.begin(final(3))
        _ = path.settled(Self.refused(95_001), hasGroupWebhook: true)
        #expect(path.settled(lost, hasGroupWebhook: true) == .done(lost))
    }

    @Test(arguments: [(95_001, false), (40_201, true), (nil, true)] as [(Int?, Bool)])
    func theGroupWebhookDoesNotTakeEverything(code: Int?, hasGroupWebhook: Bool) {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(final())
        _ = path.settled(Self.refused(846_605), hasGroupWebhook: hasGroupWebhook)
        guard case .done(.refused(let reason)) = path.settled(Self.refused(code), hasGroupWebhook: hasGroupWebhook)
        else {
            Issue.record("it was sent another way")
            return
        }
        #expect(reason.code == code)
    }

    @Test func aBubbleWhoseStreamExpiresGoesOnAtOnceAsAnother() {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(intermediate())
        #expect(path.settled(Self.refused(846_608)) == .send(.stream(id: "s_again")))
        let redirected = Delivery.redirected(Self.reason(846_608))
        #expect(path.settled(.delivered) == .done(redirected))
        for update in [intermediate(), final()] {
            #expect(path.begin(update) == .send(.stream(id: "s_again")))
            #expect(path.settled(.delivered) == .done(redirected))
        }
        #expect(path.begin(intermediate(1)) == .send(.stream(id: "s_1")))
    }

    @Test(arguments: [nil, 40_058, 846_608])
    func anUpdateThatTheOtherStreamRefusesWaitsForTheNext(code: Int?) {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(intermediate())
        _ = path.settled(Self.refused(846_608))
        #expect(path.settled(Self.refused(code)) == .done(Self.refused(code)), "no third stream, and no message")
        #expect(path.begin(intermediate()) == .send(.stream(id: "s_again")))
    }

    @Test func anUpdateWhoseRequestBecomesUnusableOnTheOtherStreamEndsTheStreams() {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(intermediate())
        _ = path.settled(Self.refused(846_608))
        #expect(path.settled(Self.refused(846_605)) == .done(Self.refused(846_605)))
        #expect(path.begin(final()) == .send(.push))
    }

    @Test func onlyWhatWasNotRefusedOpensAStream() {
        var path = ReplyPath(streamID: "s")
        #expect(!path.isOpen("s"))
        _ = path.begin(intermediate())
        _ = path.settled(Self.refused(6_000))
        #expect(!path.isOpen("s"))
        _ = path.begin(intermediate())
        _ = path.settled(lost)
        #expect(path.isOpen("s"), "it may have been seen")
        _ = path.begin(intermediate())
        _ = path.settled(Self.refused(846_608))
        #expect(path.isOpen("s") && !path.isOpen("s_again"))
        _ = path.settled(.delivered)
        #expect(path.isOpen("s_again"))
        _ = path.begin(final(1))
        #expect(!path.isOpen("s_1"))
    }

    @Test(arguments: [846_604, 846_605])
    func anUnusableRequestIDIsNotUsedAgain(code: Int) {
        for isFinal in [false, true] {
            var path = ReplyPath(streamID: "s")
            if isFinal {
                _ = path.begin(final())
                #expect(path.settled(Self.refused(code)) == .send(.push))
            } else {
                _ = path.begin(intermediate())
                #expect(path.settled(Self.refused(code)) == .done(Self.refused(code)))
                #expect(isLocallyRefused(path.begin(intermediate())))
                #expect(path.begin(final()) == .send(.push))
            }
            #expect(path.settled(.delivered) == .done(.redirected(Self.reason(code))))
            #expect(isLocallyRefused(path.begin(intermediate(1))))
            #expect(path.begin(final(1)) == .send(.push))
        }
    }

    @Test(arguments: [-1, 6_000, 846_601, 846_602, 846_606])
    func whatSaysNothingAgainstTheTextIsPushed(code: Int) {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(intermediate())
        #expect(path.settled(Self.refused(code)) == .done(Self.refused(code)), "the final one may still go")
        #expect(path.begin(intermediate()) == .send(.stream(id: "s")))
        _ = path.settled(.delivered)
        _ = path.begin(final())
        #expect(path.settled(Self.refused(code)) == .send(.push))
        #expect(path.settled(.delivered) == .done(.redirected(Self.reason(code))))
        #expect(isLocallyRefused(path.begin(intermediate(1))))
    }

    @Test(arguments: [nil, 40_008, 40_058, 40_201, 45_009, 45_033, 93_006, 846_607, 846_609, 853_000, 1])
    func anyOtherRefusalIsTheOutcome(code: Int?) {
        var path = ReplyPath(streamID: "s")
        for update in [intermediate(), final(), final(1)] {
            guard case .send(.stream) = path.begin(update) else {
                Issue.record("\(update.bubble) does not go as a stream")
                return
            }
            #expect(path.settled(Self.refused(code)) == .done(Self.refused(code)))
        }
    }

    @Test func whatMayHaveArrivedIsNeverSaidTwice() {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(final())
        #expect(path.settled(lost) == .done(lost))
        let expired = Delivery.unknown(Self.reason(846_608))
        _ = path.begin(final(1))
        #expect(path.settled(expired) == .done(expired), "the copy before it may have arrived")
        _ = path.begin(final(2))
        _ = path.settled(Self.refused(846_608))
        #expect(path.settled(lost) == .done(lost), "the other stream")
        _ = path.begin(final(3))
        #expect(path.settled(Self.refused(846_605)) == .send(.push))
        #expect(path.settled(lost) == .done(lost), "the push")
    }

    @Test(arguments: [nil, 40_008, 40_201, 45_009, 45_033, 93_006, 846_609])
    func anotherStreamThatIsRefusedForWhatItIsIsNotPushed(code: Int?) {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(final())
        _ = path.settled(Self.refused(846_608))
        #expect(path.settled(Self.refused(code)) == .done(Self.refused(code)))
    }

    @Test(arguments: [40_058, 6_000, 846_605, 846_607, 846_608])
    func anotherStreamThatIsRefusedForAnythingElseIs(code: Int) {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(final())
        _ = path.settled(Self.refused(846_608))
        #expect(path.settled(Self.refused(code)) == .send(.push))
    }

    @Test(arguments: [nil, 93_006, 846_605, 846_608])
    func aPushIsTheLastWay(code: Int?) throws {
        var path = ReplyPath(streamID: "s")
        _ = path.begin(final())
        _ = path.settled(Self.refused(846_605))
        guard case .done(.refused(let reason)) = path.settled(Self.refused(code)) else {
            Issue.record("not the end")
            return
        }
        #expect(reason.code == code)
        #expect(reason.message.hasPrefix("no \(code ?? 0)") && reason.message.contains("846605"))
    }

    // MARK: - In another process

    @Test func anotherProcessGoesOnTheWayThatWasTaken() {
        var first = ReplyPath(streamID: "s")
        _ = first.begin(final())
        _ = first.settled(.delivered)
        #expect(first.detour == .init())
        _ = first.begin(final(1))
        _ = first.settled(Self.refused(846_608))
        #expect(first.detour == .init(again: 1, push: nil))
        var second = ReplyPath(streamID: "s", detour: first.detour, repeatedBubbles: [1])
        #expect(second.begin(final(1)) == .send(.stream(id: "s_1_again")))
        #expect(second.settled(Self.refused(846_607)) == .done(Self.refused(846_607)), "it may be there")
        #expect(second.begin(final(2)) == .send(.stream(id: "s_2")))

        var third = ReplyPath(streamID: "s", detour: first.detour)
        _ = third.begin(final(1))
        #expect(third.settled(Self.refused(846_607)) == .send(.push), "it cannot be there")
        #expect(third.detour == .init(again: 1, push: 1))
    }

    @Test func whatWasPushedIsNotSaidAgain() {
        var path = ReplyPath(streamID: "s", detour: .init(again: nil, push: 1), repeatedBubbles: [0, 1])
        #expect(path.begin(final(0)) == .send(.stream(id: "s")), "it was not pushed")
        #expect(path.settled(Self.refused(846_608)) == .done(Self.refused(846_608)))
        guard case .done(.unknown) = path.begin(final(1)) else {
            Issue.record("not unknown")
            return
        }
        #expect(isLocallyRefused(path.begin(intermediate(2))))
        #expect(path.begin(final(2)) == .send(.push))
    }
}

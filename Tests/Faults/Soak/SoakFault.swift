import BotFoundation
import GatewaySimulator

/// What goes wrong during a soak.
enum SoakFault: CaseIterable {
    case cut, cutInside, refused, freeze, blink, halfOpen, close, mute, latency, bandwidth
    case lateAcknowledgements, lostAcknowledgements, conflicts, throttled, ignored
    case repetition, garbage, displaced, forgotten, subscribeRefused

    /// Makes it go wrong, and right again where that takes time.
    func strike(_ bench: Bench, _ ledger: SoakLedger, _ generator: inout SplitMix64) async throws {
        let (gateway, proxy) = (bench.gateway, bench.proxy)
        func rest(_ duration: Duration) async throws {
            ledger.disturbed(until: .now + duration + .seconds(1))
            try await ContinuousClock().sleep(for: duration)
        }
        switch self {
        case .cut: proxy.cut(Cut.allCases.randomElement(using: &generator) ?? .reset)
        case .cutInside:
            proxy.cut(
                Cut.allCases.randomElement(using: &generator) ?? .reset,
                after: Int.random(in: 0...4_000, using: &generator),
                Direction.allCases.randomElement(using: &generator) ?? .up
            )
        case .refused:
            try proxy.accept(.refuse)
            proxy.cut(.reset)
            try await rest(.seconds(1))
            try proxy.accept(.relay)
        case .freeze:
            proxy.freeze()
            try await rest(.seconds(4))
            proxy.freeze(Direction.allCases, false)
        case .blink:
            proxy.freeze([Direction.allCases.randomElement(using: &generator) ?? .up])
            try await rest(.milliseconds(600))
            proxy.freeze(Direction.allCases, false)
        case .halfOpen: proxy.halfOpen()
        case .close:
            let codes: [UInt16] = [0, 1_000, 1_001, 1_006, 1_008, 1_011, 1_012, 1_013, 4_000]
            await gateway.inject(.now(.close(code: codes.randomElement(using: &generator) ?? 1_000)))
        case .mute: await gateway.inject(.now(.mute))
        case .latency:
            proxy.quality(latency: .milliseconds(Int.random(in: 50...400, using: &generator)))
            try await rest(.seconds(2))
            proxy.quality()
        case .bandwidth:
            proxy.quality(bandwidth: Int.random(in: 2_000...20_000, using: &generator))
            try await rest(.seconds(2))
            proxy.quality()
        case .lateAcknowledgements:
            let delay = Duration.milliseconds(Int.random(in: 100...9_000, using: &generator))
            await gateway.inject(.onFrame(.replies, .delayAcknowledgement(delay), times: 5))
        case .lostAcknowledgements: await gateway.inject(.onFrame(.replies, .dropAcknowledgement, times: 3))
        case .conflicts: await gateway.inject(.refuse(.conflict, times: 5))
        case .throttled: await gateway.inject(.refuse(.throttled, times: 3))
        case .ignored: await gateway.inject(.onFrame(.replies, .ignore, times: 2))
        case .repetition:
            let message = await gateway.pushText(from: "repeated", "twice")
            for _ in 0..<3 { await gateway.inject(.now(.repeatCallback(messageID: message.messageID))) }
        case .garbage:
            // Not the largest: once in a while it moves the high-water mark of memory, which is no leak.
            let kinds = Garbage.allCases.filter { $0 != .huge }
            await gateway.inject(.now(.garbage(kinds.randomElement(using: &generator) ?? .truncated)))
        case .displaced: await gateway.inject(.now(.displace))
        case .forgotten: await gateway.inject(.now(.forgetSubscription))
        case .subscribeRefused:
            await gateway.inject(.refuseSubscribe(.throttled, times: 2))
            proxy.cut(.reset)
        }
    }
}

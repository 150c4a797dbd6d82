// swift-tools-version: 6.2
import PackageDescription

/// Every target is built the same way: Swift 6, and a warning is an error.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// A library target: `Sources/<name>`.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A program: `Examples/<name>`.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: "Examples/\(name)", swiftSettings: strict)
}

/// The tests of one target: `Tests/<name>Tests`.
func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.target(name: name), "TestSupport"] + dependencies,
        swiftSettings: strict
    )
}

// Who may import whom: each row may import only what it lists (`--explicit-target-dependency-import-check error`).
let package = Package(
    name: "swift-wecom-bot",
    products: [
        .library(name: "WeComBot", targets: ["WeComBot"]),
        .executable(name: "streaming-demo", targets: ["StreamingDemo"]),
        .executable(name: "echo-bot", targets: ["EchoBot"]),
        .executable(name: "card-bot", targets: ["CardBot"]),
        .executable(name: "hosted-bot", targets: ["HostedBot"]),
    ],
    targets: [
        // C: each module is imported by exactly one Swift target.
        .target(
            name: "CLibwebsockets",
            cSettings: [
                .treatAllWarnings(as: .error),
                .enableWarning("all"), .enableWarning("extra"), .enableWarning("sign-compare"),
            ],
            linkerSettings: [.linkedLibrary("websockets"), .linkedLibrary("ssl"), .linkedLibrary("crypto")]
        ),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),

        // The base: values everything else may use.
        library("BotFoundation"),

        // The middle: of these only the stores know another, for which they keep what is owed, and what open streams show.
        library("BotCore", ["BotFoundation"]),
        library("BotCrypto", ["BotFoundation", "COpenSSL"]),
        library("LWSTransport", ["BotFoundation", "CLibwebsockets"]),
        library("BotStore", ["BotFoundation", "BotCore", "CSQLite"]),
        library("BotRedis", ["BotFoundation", "BotCore", "CHiredis"]),

        // The channel, and what a host imports.
        library("WeComAIBot", ["BotFoundation", "BotCore", "BotCrypto", "LWSTransport"]),
        library(
            "WeComBot",
            ["BotFoundation", "BotCore", "BotCrypto", "BotStore", "BotRedis", "LWSTransport", "WeComAIBot"]
        ),

        // The far side, with its own codec: it must not share a bug with the wire types it checks.
        library("GatewaySimulator", ["BotFoundation", "BotCrypto", "LWSTransport"]),

        program("StreamingDemo", ["WeComBot", "GatewaySimulator", "LWSTransport"]),
        program("EchoBot", ["WeComBot"]),
        program("CardBot", ["WeComBot"]),
        program("HostedBot", ["WeComBot", "LWSTransport"]),

        .target(
            name: "TestSupport",
            dependencies: ["BotFoundation"],
            path: "Tests/TestSupport",
            swiftSettings: strict
        ),
        // What `make fuzz` runs on random input and `make test` on the inputs kept in Fixtures.
        .testTarget(
            name: "Fuzzing",
            dependencies: ["BotFoundation", "BotCore", "BotCrypto", "LWSTransport", "WeComAIBot", "WeComBot"],
            path: "Tests/Fuzzing",
            swiftSettings: strict
        ),
        // What `make faults` and `make soak` run: bots over links that break.
        .executableTarget(
            name: "Faults",
            dependencies: [
                "BotFoundation", "BotCore", "BotCrypto", "LWSTransport", "WeComAIBot", "WeComBot", "GatewaySimulator",
                "TestSupport",
            ],
            path: "Tests/Faults",
            swiftSettings: strict
        ),
        tests(of: "BotFoundation"),
        tests(of: "BotCore", ["BotFoundation"]),
        tests(of: "BotCrypto", ["BotFoundation"]),
        tests(of: "BotStore", ["BotFoundation", "BotCore"]),
        tests(of: "BotRedis", ["BotFoundation", "BotCore"]),
        tests(of: "LWSTransport", ["BotFoundation", "BotCrypto"]),
        tests(of: "WeComAIBot", ["BotFoundation", "BotCore", "BotCrypto", "LWSTransport", "GatewaySimulator"]),
        tests(of: "GatewaySimulator", ["BotFoundation", "BotCrypto", "LWSTransport"]),
        tests(of: "StreamingDemo", ["WeComBot", "GatewaySimulator"]),
        tests(of: "EchoBot", ["WeComBot"]),
        tests(
            of: "WeComBot",
            [
                "BotFoundation", "BotCore", "BotCrypto", "BotRedis", "LWSTransport", "WeComAIBot", "GatewaySimulator",
                "EchoBot", "CardBot",
            ]
        ),
    ]
)

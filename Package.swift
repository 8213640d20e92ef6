// swift-tools-version: 6.2
import Foundation
import PackageDescription

// One array of settings for every target of ours. CI (SLIPWAY_CI=1) turns warnings into errors.
let ci = ProcessInfo.processInfo.environment["SLIPWAY_CI"] == "1"
let settings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (ci ? [.treatAllWarnings(as: .error)] : [])

/// One room of the house: a target with its settings. Arrows only point down; a unit test holds every import against this table.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The unit tests of one room: no services, seconds.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(name: name + "Tests", dependencies: [.byName(name: name)] + dependencies, swiftSettings: settings)
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")

let all: [Target] = [
  // Tier 0: C libraries, as they are. Those that most verbs do not need are loaded when they are (docs/decisions/0027): nothing here links them.
  .target(name: "CLoader"),
  .target(name: "CCeph", dependencies: ["CLoader"]),
  .target(name: "CCurl", dependencies: ["CLoader"]),
  .target(name: "CLibvirt", dependencies: ["CLoader"]),
  .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
  .systemLibrary(name: "CTcmalloc", pkgConfig: "libtcmalloc_minimal", providers: [.apt(["libgoogle-perftools-dev"])]),
  .target(name: "CLinux"),

  // Tier 1: what everything may use.
  room("Model"),
  room("Runtime", ["Model", "CLinux", logging, metrics]),

  // Tier 2: thin handles and pure machines.
  room("Transfer", ["Model", "Runtime", "CLinux"]),
  room("ImageFormats", ["Model", "Runtime", "CZlib", "CZstd"]),
  room("Configuration", ["Model", yams]),
  room("Ceph", ["Model", "Runtime", "CCeph"]),
  room("NBD", ["Model", "Runtime", "CLinux"]),
  room("Sandbox", ["Model", "Runtime", "CLinux"]),
  room("HTTPClient", ["Model", "Runtime", "CCurl"]),
  room("Crypto", ["Model", "Runtime", "COpenSSL"]),
  room("Files", ["Model", "Runtime", "CLinux"]),
  room("Libvirt", ["Model", "Runtime", "CLibvirt"]),

  // Tier 3: what Slipway knows.
  room("Planner", ["Model"]),
  room("Cleaner", ["Model"]),
  room("ImageStore", ["Model", "Runtime", "Files", "Crypto", grdb]),
  room("Disks", ["Model", "Runtime", "Files", "Ceph", "ImageFormats"]),
  room("PoolStore", ["Model", "Runtime", "Ceph"]),
  room("Transports", ["Model", "Runtime", "Transfer", "ImageFormats", "Ceph", "HTTPClient", "Crypto", "Files", "NBD"]),
  room("OpenStack", ["Model", "Runtime", "HTTPClient", yams, logging]),
  room("LibvirtReport", ["Model", "Runtime", "Libvirt"]),
  room("ImageTrust", ["Model", "Runtime", "Files", "Crypto"]),

  // Tier 4: who introduces the rooms to each other, and the words spoken outside.
  room(
    "Agent",
    [
      "Model", "Runtime", "Planner", "Cleaner", "ImageStore", "PoolStore", "Disks", "Transports", "OpenStack", "Transfer", "ImageFormats",
      "ImageTrust", "Configuration", "Ceph", "HTTPClient", "Crypto", "Files", "Libvirt", "LibvirtReport", "NBD", "Sandbox",
    ]),
  room("Wire", ["Model"]),

  // Tier 5: the agent as a service.
  room(
    "AgentAPI",
    [
      "Agent", "Wire", "Cleaner", "Configuration", "Crypto", "Disks", "Files", "HTTPClient", "ImageStore", "LibvirtReport", "Model",
      "OpenStack", "Runtime", hummingbird, httpTypes, lifecycle, metrics, nio, logging,
    ]),

  // Tier 6: the verbs.
  .executableTarget(
    name: "slipway",
    dependencies: [
      "AgentAPI", "Agent", "Wire", "Cleaner", "Configuration", "Disks", "ImageStore", "LibvirtReport", "PoolStore", "OpenStack",
      "Model", "Runtime",
      "CLinux",
      "CTcmalloc", arguments, logging,
    ],
    swiftSettings: settings),

  // Seeded images, sources that fail on demand, sinks in memory: for tests alone, nothing that ships imports it.
  room("TestSupport", ["Model", "Runtime", "Transfer"]),

  tests("Model"),
  tests("Runtime", ["Model", "CLoader"]),
  tests("Transfer", ["Model", "Runtime", "TestSupport", logging]),
  tests("ImageFormats", ["Model", "Runtime", "TestSupport"]),
  tests("Configuration", ["Model"]),
  // An HTTP server that fails on demand, for the tests of the rooms that speak HTTP.
  .target(name: "FaultServer", dependencies: ["Runtime"], path: "Tests/FaultServer", swiftSettings: settings),
  tests("HTTPClient", ["Model", "Runtime", "FaultServer"]),
  tests("Ceph", ["Runtime"]),
  tests("NBD", ["Model", "Runtime"]),
  tests("Sandbox", ["Model"]),
  tests("Crypto", ["Model"]),
  tests("Files", ["Model", "Runtime"]),
  tests("Libvirt", ["Model", "Runtime"]),
  tests("Planner", ["Model"]),
  tests("Cleaner", ["Model", "TestSupport"]),
  tests("ImageStore", ["Model", "Runtime", "Files", "Crypto", "StoreWorker", "TestSupport", grdb, logging]),
  // Works on a store until it is killed: what the store's crash tests kill.
  .executableTarget(
    name: "StoreWorker", dependencies: ["ImageStore", "Model", "Runtime", "Files", logging], path: "Tests/StoreWorker",
    swiftSettings: settings),
  tests("Disks", ["Model", "Runtime", "Files", "ImageFormats", "TestSupport", logging]),
  tests("PoolStore", ["Model"]),
  tests(
    "Transports",
    ["Model", "Runtime", "NBD", "Transfer", "ImageFormats", "Files", "HTTPClient", "FaultServer", "TestSupport", logging]),
  tests("OpenStack", ["Model", "Runtime", "HTTPClient", "FaultServer", "TestSupport", logging]),
  tests(
    "Agent",
    [
      "Model", "Runtime", "Cleaner", "Configuration", "Crypto", "Disks", "FaultServer", "Files", "ImageFormats", "ImageStore",
      "ImageTrust", "Libvirt", "OpenStack", "Transports", logging,
    ]),
  tests("ImageTrust", ["Model", "Runtime", "Crypto", logging]),
  tests("LibvirtReport", ["Model", "Libvirt"]),
  tests("Wire", ["Model"]),
  tests("AgentAPI", ["Model", "OpenStack", "Runtime", "Wire", lifecycle, metrics, logging]),
  // What must hold of every parser of bytes from outside; `Scripts/fuzz` looks for bytes that break it, the unit tests replay what it found.
  .target(
    name: "FuzzTargets", dependencies: ["Model", "Runtime", "Crypto", "ImageFormats", "ImageTrust", "OpenStack"], path: "Tests/FuzzTargets",
    swiftSettings: settings),
  tests("FuzzTargets", ["TestSupport"]),
  // The verbs, and the reference pages against them and the words of Model and Wire.
  tests("slipway", ["Cleaner", "Configuration", "ImageStore", "Model", "Wire", arguments]),
  .testTarget(name: "HouseTests", swiftSettings: settings),
  // On the executable too, so that it is built: most of these tests run it.
  .testTarget(
    name: "IntegrationTests",
    dependencies: [
      "Model", "Runtime", "Ceph", "Crypto", "Disks", "FaultServer", "ImageFormats", "HTTPClient", "ImageTrust", "OpenStack", "slipway",
      logging,
    ],
    swiftSettings: settings),
]

/// Built by `Scripts/fuzz` alone: its `main` is libFuzzer's, which comes with `--sanitize=fuzzer`.
let fuzzing: [Target] =
  ProcessInfo.processInfo.environment["SLIPWAY_FUZZ"] == "1"
  ? [
    .executableTarget(
      name: "Fuzz", dependencies: ["FuzzTargets"], path: "Scripts/fuzz.d",
      swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])
  ] : []

/// `SLIPWAY_ONLY=Ceph,Files swift build --build-tests` builds only those rooms, their tests and what they stand on: the fast loop.
func selected(_ targets: [Target]) -> [Target] {
  guard let only = ProcessInfo.processInfo.environment["SLIPWAY_ONLY"] else { return targets }
  let byName = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0) })
  var kept: Set<String> = []
  func keep(_ name: String) {
    guard let target = byName[name], kept.insert(name).inserted else { return }
    for dependency in target.dependencies {
      if case .byNameItem(let name, _) = dependency { keep(name) }
    }
  }
  for name in (only == "NBD" ? "NBD,Sandbox,Transports,Transfer,Agent,slipway,Wire,Configuration,Planner,Model,Integration,House" : only)
    .split(separator: ",").map(String.init)
  {
    keep(name)
    keep(name + "Tests")
  }
  return targets.filter { kept.contains($0.name) }
}

/// Packages behind Hummingbird, of which nothing is built, have modules that are called as rooms of ours are. Names must be unique in the whole graph, so
/// those get others; the package manager renames only what a product leads to, hence the product.
let names = Target.target(
  name: "Names",
  dependencies: [("Configuration", "swift-configuration"), ("Crypto", "swift-crypto")].map { module, package in
    .product(name: module, package: package, moduleAliases: [module: "Apple" + module], condition: .when(platforms: [.windows]))
  },
  path: "Scripts/names.d", swiftSettings: settings)

let package = Package(
  name: "slipway",
  products: [.library(name: "Names", targets: ["Names"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.0.0"),
    // Without its traits: settings come from our own key table, and FoundationEssentials is enough for it.
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    // Behind Hummingbird, and not built: see `names`.
    .package(url: "https://github.com/apple/swift-configuration", from: "1.0.2", traits: []),
    .package(url: "https://github.com/apple/swift-crypto", "1.0.0"..<"6.0.0"),
  ],
  targets: selected(all + fuzzing) + [names]
)

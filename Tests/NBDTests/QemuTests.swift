import Foundation
import Glibc
import Model
import Runtime
import Testing

@testable import NBD

/// QEMU's own client as the judge of our server, and its server of our client.
@Suite(.timeLimit(.minutes(2))) struct QemuTests {
  /// A directory of its own with a socket in it.
  private final class Place: Sendable {
    let path: String
    init() throws {
      path = "/tmp/slipway-nbd-\(UUID().uuidString.prefix(8))"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    var socket: String { "\(path)/s" }
    func file(_ name: String) -> String { "\(path)/\(name)" }
  }

  private static func address<Value>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }

  /// Runs qemu-img against an export that `connections` may use, one after the other; what it printed.
  private func qemu(_ export: NBDExport, connections: Int = 1, _ arguments: (String) -> [String]) async throws -> String {
    let place = try Place()
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(listener) }
    try #require(Self.address(place.socket) { bind(listener, $0, $1) } == 0)
    try #require(listen(listener, 4) == 0)
    let serving = Task {
      let pool = WorkerPool(name: "accept", threads: 1)
      for _ in 0..<connections {
        let peer = try await pool.run { accept(listener, nil, nil) }
        guard peer >= 0 else { return }
        try await NBDServer(export, on: NBDSocket(taking: peer), budget: ByteBudget(capacity: 8 << 20)).run()
      }
    }
    let words = arguments("nbd+unix:///?socket=\(place.socket)")
    let printed = try await Self.run("qemu-img", words)
    shutdown(listener, Int32(SHUT_RDWR))
    try await serving.value
    return printed
  }

  private static func run(_ tool: String, _ arguments: [String]) async throws -> String {
    try await WorkerPool(name: "qemu", threads: 1).run {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [tool] + arguments
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { throw SlipwayError(.ioError, "\(tool) \(arguments): \(output)") }
      return output
    }
  }

  @Test func infoTellsTheSize() async throws {
    let export = MemoryExport(pattern(1 << 20))
    let printed = try await qemu(NBDExport(size: 1 << 20, reading: export)) { ["info", "-f", "raw", "--output=json", $0] }
    #expect(printed.contains("\"virtual-size\": 1048576"))
  }

  @Test func mapTellsHolesAndData() async throws {
    var bytes = [UInt8](repeating: 0, count: 4 << 20)
    bytes.replaceSubrange(1 << 20..<2 << 20, with: repeatElement(3, count: 1 << 20))
    let export = MemoryExport(bytes)
    let printed = try await qemu(NBDExport(size: 4 << 20, reading: export)) { ["map", "-f", "raw", "--output=json", $0] }
    struct Run: Decodable, Equatable {
      var start: Int
      var length: Int
      var zero: Bool
      var data: Bool
    }
    let runs = try JSONDecoder().decode([Run].self, from: Data(printed.utf8))
    #expect(
      runs == [
        Run(start: 0, length: 1 << 20, zero: true, data: false), Run(start: 1 << 20, length: 1 << 20, zero: false, data: true),
        Run(start: 2 << 20, length: 2 << 20, zero: true, data: false),
      ])
  }

  @Test(arguments: [1 << 20, (1 << 20) + 512, 70_001])
  func convertReadsEveryByte(_ size: Int) async throws {
    let bytes = pattern(size)
    let place = try Place()
    let export = MemoryExport(bytes)
    _ = try await qemu(NBDExport(size: Int64(size), reading: export)) { ["convert", "-f", "raw", "-O", "raw", $0, place.file("out")] }
    var got = try [UInt8](Data(contentsOf: URL(fileURLWithPath: place.file("out"))))
    // Written in whole sectors.
    #expect(got.count >= size && got.count < size + 512)
    got.removeLast(got.count - size)
    #expect(got == bytes)
  }

  @Test(arguments: [[], ["-W", "-m", "16"]])
  func convertWritesEveryByte(_ options: [String]) async throws {
    let bytes = pattern(1 << 20)
    let place = try Place()
    try Data(bytes).write(to: URL(fileURLWithPath: place.file("in")))
    let export = MemoryExport([UInt8](repeating: 9, count: 1 << 20))
    _ = try await qemu(NBDExport(size: 1 << 20, reading: export, writing: export)) {
      ["convert", "-n"] + options + ["-f", "raw", "-O", "raw", place.file("in"), $0]
    }
    #expect(export.bytes == bytes)
  }

  @Test func aConversionWithoutDisorderWritesForwardOnly() async throws {
    let bytes = pattern(1 << 20)
    let place = try Place()
    try Data(bytes).write(to: URL(fileURLWithPath: place.file("in")))
    let export = MemoryExport([UInt8](repeating: 0, count: 1 << 20), isOrdered: true)
    _ = try await qemu(NBDExport(size: 1 << 20, writing: export)) {
      ["convert", "-n", "--target-is-zero", "-S", "64k", "-f", "raw", "-O", "raw", place.file("in"), $0]
    }
    #expect(export.bytes == bytes)
    let ranges = export.state.with { ($0.writes, $0.zeroed) }
    let starts = ranges.0.map(\.lowerBound)
    #expect(starts == starts.sorted())
    #expect(ranges.1 == [])
  }

  @Test func compareFindsNoDifference() async throws {
    let bytes = pattern(2 << 20)
    let place = try Place()
    try Data(bytes).write(to: URL(fileURLWithPath: place.file("in")))
    let printed = try await qemu(NBDExport(size: 2 << 20, reading: MemoryExport(bytes))) {
      ["compare", "-f", "raw", "-F", "raw", place.file("in"), $0]
    }
    #expect(printed.contains("identical"))
  }

  @Test func anErrorOfTheExportFailsTheConversion() async throws {
    let export = MemoryExport(pattern(1 << 20))
    export.failReads(SlipwayError(.clusterUnreachable, "the cluster is away"))
    let place = try Place()
    await #expect(throws: SlipwayError.self) {
      _ = try await qemu(NBDExport(size: 1 << 20, reading: export)) { ["convert", "-f", "raw", "-O", "raw", $0, place.file("out")] }
    }
  }

  // MARK: Its server

  @Test func ourClientReadsAndWritesWhatItServes() async throws {
    let place = try Place()
    let bytes = pattern(1 << 20)
    try Data(bytes).write(to: URL(fileURLWithPath: place.file("disk")))
    // Not with --fork: what stays in the background holds what Foundation waits on. It ends with its only client.
    let server = Process()
    server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    server.arguments = ["qemu-nbd", "-f", "raw", "-k", place.socket, place.file("disk")]
    try server.run()
    // Foundation may start it with SIGTERM blocked.
    defer { kill(server.processIdentifier, SIGKILL) }
    let end = ContinuousClock.now + .seconds(60)
    while !FileManager.default.fileExists(atPath: place.socket), ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(20)) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    // The name is there a moment before anybody listens.
    while Self.address(place.socket, { connect(descriptor, $0, $1) }) != 0, ContinuousClock.now < end {
      try await Task.sleep(for: .milliseconds(20))
    }
    let client = try await NBDClient.connect(NBDSocket(taking: descriptor))
    #expect(client.size == 1 << 20)
    let target = Buffer(capacity: 1 << 20)
    try await client.read(at: 0, length: 1 << 20, into: target)
    #expect(Array(target.memory[..<(1 << 20)]) == bytes)
    let extents = try await client.extents(from: 0, to: 1 << 20)
    #expect(extents.first?.offset == 0 && extents.last?.end == 1 << 20)
    try await client.write(buffer([1, 2, 3, 4]), length: 4, at: 4096)
    try await client.zero(at: 0, length: 4096)
    try await client.flush()
    await client.close()
    var expected = bytes
    expected.replaceSubrange(4096..<4100, with: [1, 2, 3, 4])
    expected.replaceSubrange(0..<4096, with: repeatElement(0, count: 4096))
    #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: place.file("disk")))) == expected)
  }
}

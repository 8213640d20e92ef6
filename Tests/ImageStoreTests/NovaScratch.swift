import Foundation
import Model
import Runtime

@testable import ImageStore

/// A directory of instances as nova-compute has it, with a store beside the cache.
struct NovaScratch {
  let scratch: Scratch
  let instances: String
  let store: String
  var forcesRaw = true
  var removesTheirs = false
  var uid: UInt32?
  var gid: UInt32?

  /// The image of the reference's example.
  static let image = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
  static let name = "f2d1a8250ed3d4b744a8250dab8f6840179d502a"

  init() throws {
    scratch = try Scratch()
    instances = scratch.path + "/instances"
    store = scratch.storePath
    try FileManager.default.createDirectory(atPath: instances, withIntermediateDirectories: true)
  }

  var cache: String { instances + "/_base" }
  var path: String { "\(cache)/\(Self.name)" }
  var lockPath: String { "\(instances)/locks/nova-\(Self.name)" }

  func open(at path: String? = nil, immutability: Immutability = .off) async throws -> Store {
    let warnings = scratch.warnings
    let settings = try NovaSettings(instancesPath: instances, forcesRaw: forcesRaw)
    return try await Store.open(
      path: path ?? store, layout: .nova(settings, uid: uid, gid: gid, removesTheirs: removesTheirs), immutability: immutability,
      create: true,
      pool: scratch.pool, unnamed: true, warn: { text in warnings.with { $0.append(text) } })
  }

  /// The error of ours with which opening fails, nil when it does not.
  func refusal(at path: String? = nil) async -> SlipwayError? {
    do {
      await (try open(at: path)).close()
      return nil
    } catch { return SlipwayError.wrap(error) }
  }

  /// The identity of the example's image, whose SHA-256 is `byte` 32 times.
  func identity(_ store: Store, _ byte: UInt8 = 0xAB, format: BaseFormat = .raw) throws -> BaseIdentity {
    let plain = try ImageStoreTests.identity(byte, format: format, owner: "tenant")
    return try store.layout.place(plain, of: ImageID(Self.image), object: Self.image)
  }

  /// What nova-compute would have made.
  func makeTheirs(_ bytes: [UInt8] = [1, 2, 3, 4], age: TimeInterval = 0) throws {
    try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    try setAge(age)
  }

  /// Makes the base look as if it was touched so many seconds ago.
  func setAge(_ age: TimeInterval) throws {
    try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: path)
  }

  var status: stat {
    var status = stat()
    lstat(path, &status)
    return status
  }

  /// Seconds since the base was touched.
  var age: Int { time(nil) - status.st_mtim.tv_sec }

  func names(_ directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
  }
}

/// A process that takes locks as oslo.concurrency does: `fcntl.lockf` on a file opened for appending.
final class NovaProcess {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  /// Tries to take the lock at once; `isHolding` tells whether it got it.
  init(lock path: String) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let program = """
      import fcntl, sys
      f = open(sys.argv[1], 'a')
      try:
        fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print('held', flush=True)
      except OSError:
        print('busy', flush=True)
      sys.stdin.readline()
      """
    process.arguments = ["python3", "-c", program, path]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  lazy var isHolding: Bool = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("held")

  /// Ends it, and with it its lock.
  func end() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}

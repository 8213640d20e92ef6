import Files
import Foundation
import Logging
import Model
import Runtime

@testable import ImageStore

/// A directory of its own for a test, removed with everything in it at the end; the store lies in it.
final class Scratch: Sendable {
  let path: String
  let storePath: String
  let pool = WorkerPool(name: "test", threads: 4)
  let context = RequestContext(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  let warnings = Locked<[String]>([])

  init() throws {
    var template = Array("\(NSTemporaryDirectory())/slipway-store-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(errno) }
    path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    storePath = path + "/store"
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func open(immutability: Immutability = .off, create: Bool = true, unnamed: Bool = true) async throws -> Store {
    let warnings = self.warnings
    return try await Store.open(
      path: storePath, immutability: immutability, create: create, pool: pool, unnamed: unnamed,
      warn: { text in warnings.with { $0.append(text) } })
  }

  /// The error of ours with which opening fails, nil when it does not.
  func refusal(create: Bool = true) async -> SlipwayError? {
    do {
      await (try open(create: create)).close()
      return nil
    } catch { return SlipwayError.wrap(error) }
  }

  func names(_ directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(storePath)/\(directory)")) ?? []).sorted()
  }

  func write(_ text: String, to name: String) throws {
    try text.write(toFile: "\(storePath)/\(name)", atomically: false, encoding: .utf8)
  }

  func text(of name: String) -> String? { try? String(contentsOfFile: "\(storePath)/\(name)", encoding: .utf8) }
}

/// A process of this host that has ended.
let ended = ProcessOwner(host: ProcessOwner.current.host, boot: ProcessOwner.current.boot, pid: .max, started: 1)

let imageA = ImageID("11111111-1111-1111-1111-111111111111")
let imageB = ImageID("22222222-2222-2222-2222-222222222222")

/// The identity of an image whose SHA-256 is `byte` 32 times.
func identity(_ byte: UInt8 = 0xAB, format: BaseFormat = .raw, owner: String? = nil) throws -> BaseIdentity {
  guard let digest = Digest(.sha256, bytes: [UInt8](repeating: byte, count: 32)) else { throw SlipwayError(.usage, "no digest") }
  return try BaseIdentity(digest: digest, sourceFormat: "raw", format: format, owner: owner)
}

func record(_ identity: BaseIdentity, images: [ImageID?] = [imageA], size: Int64 = 4) throws -> BaseRecord {
  guard let digest = Digest(.sha256, bytes: [UInt8](repeating: 0xAB, count: 32)) else { throw SlipwayError(.usage, "no digest") }
  let evidence = Evidence(
    verdict: .matched, computed: digest, expected: digest, expectedFrom: "os_hash", sourceSize: ByteCount(size), inspectedFormat: "raw",
    verifiedAt: "2025-01-02T03:04:05Z")
  return BaseRecord(
    identity: identity, images: images.compactMap { $0 }, virtualSize: ByteCount(size), source: "https://user:secret@host/image?sig=secret",
    route: .download, evidence: evidence, tally: ByteTally(virtual: size, read: size, written: size, holes: 0))
}

extension Store {
  /// Publishes `bytes` the whole way, under the lock.
  @discardableResult
  func put(
    _ bytes: [UInt8] = [1, 2, 3, 4], as identity: BaseIdentity, images: [ImageID?] = [imageA], context: RequestContext
  ) async throws -> Published {
    try await withBaseLock(identity, context: context) { lock in
      let staged = try await stage(identity, reserve: ByteCount(Int64(bytes.count)), lock: lock, context: context)
      try staged.file.write(bytes, at: 0)
      return try await publish(staged, record: record(identity, images: images))
    }
  }
}

/// Another length for a published file, which its owner may not write, root apart. 0, or -1.
func cutFile(_ path: String, _ length: Int) -> Int32 {
  chmod(path, 0o644) == 0 && truncate(path, length) == 0 && chmod(path, 0o444) == 0 ? 0 : -1
}

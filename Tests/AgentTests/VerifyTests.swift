import Crypto
import FaultServer
import Foundation
import ImageStore
import Model
import Runtime
import Testing

@testable import Agent

/// Bases of every way and form are verified by hashes that were taken while they were written, or by their digest.
@Suite(.timeLimit(.minutes(5))) struct VerifyTests {
  let bed: Bed
  init() throws { bed = try Bed(FakeImage(bytes: Self.small)) }

  static let small = sparse(700_001)
  /// More than one block of hashes.
  static let large = sparse(4_400_123, seed: 8)

  /// Data and zeros in runs that end anywhere; no qcow2 begins so.
  static func sparse(_ count: Int, seed: UInt64 = 3) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var (position, number) = (0, seed)
    while position < count {
      number = number &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let end = min(count, position + Int(number >> 33) % 300_000 + 1)
      if number >> 63 == 0 { for index in position..<end { bytes[index] = UInt8(truncatingIfNeeded: index &* 7 &+ index / 251) } }
      position = end
    }
    bytes[0] = 1
    bytes[count - 1] = 1
    return bytes
  }

  /// What is asserted here is no matter of time, and the machine may be busy.
  var context: RequestContext {
    var context = bed.context
    context.deadline = .after(.seconds(200))
    return context
  }

  func verify(_ configuration: String = "") async throws -> VerifyOutcome {
    try await bed.withAgent(configuration) { agent in
      let outcomes = try await agent.verify(nil, rate: nil, refetch: false, context: context)
      return try #require(outcomes.count == 1 ? outcomes.first : nil)
    }
  }

  /// Fetches the service's image, or a typed file, into an empty store.
  @discardableResult
  func fetch(_ format: BaseFormat, _ file: String? = nil, as diskFormat: String = "raw", algorithm: DigestAlgorithm? = nil) async throws
    -> FetchAnswer
  {
    var request = try bed.request()
    if let file { request = ImageRequest(reference: .location(Location(url: "file://\(file)")), diskFormat: diskFormat) }
    if let file, let algorithm {
      request.digest = try Digest.of(Array(Data(contentsOf: URL(fileURLWithPath: file))), algorithm)
    }
    let wanted = request
    return try await bed.withAgent { try await $0.fetch(wanted, format: format, context: context) }
  }

  /// A qcow2 with the image's bytes, outside the store.
  func qcow2() async throws -> String {
    let made = try await fetch(.qcow2)
    let path = bed.path + "/image.qcow2"
    try FileManager.default.copyItem(atPath: made.path, toPath: path)
    try FileManager.default.removeItem(atPath: bed.path + "/store")
    return path
  }

  func forgetHashes() throws {
    for name in bed.names("meta") where name.hasSuffix(".blocks") {
      try FileManager.default.removeItem(atPath: "\(bed.path)/store/meta/\(name)")
    }
  }

  func flip(_ path: String, at offset: Int) throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: UInt64(offset))
    let byte = try #require(try file.read(upToCount: 1)?.first)
    try file.seek(toOffset: UInt64(offset))
    try file.write(contentsOf: Data([byte ^ 1]))
    try file.close()
  }

  func expectSoundAndThenDamaged(_ path: String) async throws {
    let outcome = try await verify()
    #expect(outcome.report?.verdict == .sound, "\(String(describing: outcome.report))")
    #expect(outcome.consequence == .none, "its hashes were there")
    try flip(path, at: 70_000)
    #expect(try await verify().report?.verdict == .damaged)
    #expect(bed.names("tmp").isEmpty)
  }

  @Test(arguments: BaseFormat.allCases) func whatWasDownloaded(format: BaseFormat) async throws {
    try await expectSoundAndThenDamaged(fetch(format).path)
  }

  @Test(arguments: BaseFormat.allCases) func whatCameFromAFile(format: BaseFormat) async throws {
    let path = bed.path + "/image.raw"
    try Data(Self.large).write(to: URL(fileURLWithPath: path))
    try await expectSoundAndThenDamaged(fetch(format, path).path)
  }

  @Test(arguments: BaseFormat.allCases) func whatWasAQcow2(format: BaseFormat) async throws {
    try await expectSoundAndThenDamaged(fetch(format, qcow2(), as: "qcow2").path)
  }

  @Test(arguments: BaseFormat.allCases) func whatHasNoHashesIsProvedByItsDigestAndGetsThem(format: BaseFormat) async throws {
    let base = try await fetch(format)
    try forgetHashes()
    let proved = try await verify()
    #expect(proved.report?.verdict == .sound)
    #expect(proved.consequence == .hashed)
    try await expectSoundAndThenDamaged(base.path)
  }

  @Test(arguments: BaseFormat.allCases) func whatHasNoHashesAndOtherBytesIsDamaged(format: BaseFormat) async throws {
    let base = try await fetch(format)
    try forgetHashes()
    try flip(base.path, at: format == .raw ? 70_000 : 200_000)
    let outcome = try await verify()
    #expect(outcome.report?.verdict == .damaged)
    #expect(outcome.report?.reason?.contains("was verified") == true)
    guard case .quarantined = outcome.consequence else {
      Issue.record("\(outcome.consequence)")
      return
    }
    #expect(bed.names("bases").isEmpty)
  }

  @Test func aQcow2WhoseTablesAreBrokenIsDamaged() async throws {
    let base = try await fetch(.qcow2)
    try forgetHashes()
    // The L1 table's offset in the header.
    try flip(base.path, at: 45)
    let outcome = try await verify()
    #expect(outcome.report?.verdict == .damaged, "\(String(describing: outcome.error))")
  }

  @Test func whatWasDecodedCannotBeProvedWithoutHashes() async throws {
    try await fetch(.raw, qcow2(), as: "qcow2", algorithm: .sha256)
    try forgetHashes()
    let outcome = try await verify()
    guard case .unverifiable(let reason) = outcome.report?.verdict else {
      Issue.record("\(String(describing: outcome.report))")
      return
    }
    #expect(reason.contains("another form"))
    #expect(outcome.error == nil)
    #expect(bed.names("bases").count == 1)
  }

  // MARK: quarantine

  static let clean = "clean: { unused_for: 24h, min_age: 0, max_bytes: 0, min_free: 1%, quarantine: "

  @Test func quarantineIsKeptForItsTimeAndThenCleaned() async throws {
    let base = try await fetch(.raw)
    try flip(base.path, at: 70_000)
    guard case .quarantined(let place) = try await verify().consequence else {
      Issue.record("it stays")
      return
    }
    let young = try await bed.withAgent(Self.clean + "1h }") { try await $0.clean(dryRun: false, context: context) }
    #expect(young.quarantine.isEmpty)
    #expect(FileManager.default.fileExists(atPath: place))
    let plan = try await bed.withAgent(Self.clean + "0 }") { try await $0.clean(dryRun: true, context: context) }
    #expect(plan.quarantine.map(\.path) == [place])
    #expect(FileManager.default.fileExists(atPath: place))
    let gone = try await bed.withAgent(Self.clean + "0 }") { try await $0.clean(dryRun: false, context: context) }
    #expect(gone.quarantine.map(\.name) == [base.record.name])
    #expect(gone.quarantine.first?.reason.contains("differs") == true)
    #expect(gone.reclaimed.bytes > 0 && gone.evicted.isEmpty)
    #expect(bed.names("quarantine").isEmpty)
  }

  // MARK: prewarming

  @Test func aDeadlineThatPassesEndsOnlyWhatIsLeft() async throws {
    bed.change.with { change in
      change = { reply in
        reply.hang = 300_000
      }
    }
    var late = context
    late.deadline = .after(.seconds(2))
    let short = late
    let other = ImageID("2bea47ed-f6a9-463b-b423-14b9cca9ad27")
    let outcomes = try await bed.withAgent { agent in
      let references = [ImageReference.id(try #require(Bed.id)), .id(try #require(other))]
      return try await agent.prewarm(PrewarmRequest(wanted: .images(references), format: .raw, jobs: 1, rate: nil), context: short)
    }
    let words = Dictionary(uniqueKeysWithValues: outcomes.map { ($0.image, $0) })
    let hung = try #require(words[Bed.id?.text ?? ""])
    #expect(hung.word == .skipped)
    #expect(hung.error?.code == .timeout)
    #expect(hung.error?.message.contains("deadline") == true)
    // What has a reason of its own keeps it, unless the deadline passed before that was known.
    let unknown = try #require(words[other?.text ?? ""])
    #expect(unknown.error?.code == .imageNotFound ? unknown.word == .failed : unknown.word == .skipped)
    #expect(bed.names("tmp").isEmpty && bed.names("bases").isEmpty)
  }
}

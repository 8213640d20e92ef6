import Disks
import Foundation
import ImageStore
import Model
import Runtime
import Testing

@testable import Agent

/// What is cached, held against today's policy and inspectors.
@Suite(.timeLimit(.minutes(2))) struct AuditTests {
  let bed: Bed
  init() throws { bed = try Bed() }

  private func fetch(_ format: BaseFormat = .raw) async throws -> FetchAnswer {
    try await bed.withAgent { try await $0.fetch(bed.request(), format: format, context: bed.context) }
  }

  private func audit(_ configuration: String = "", mark: Bool = false, image: String? = nil) async throws -> AuditReport {
    try await bed.withAgent(configuration) { try await $0.audit(image, rate: nil, mark: mark, context: bed.context) }
  }

  private func disk(_ name: String) async throws -> String {
    try await bed.withAgent {
      try await $0.createDisk(DiskName(name), from: bed.request(), target: .qcow2, size: nil, context: bed.context).info.path
    }
  }

  private func codes(_ outcome: AuditOutcome?) -> [ErrorCode] { outcome?.findings.map(\.error.code) ?? [] }

  /// Writes into a published base.
  private func write(_ bytes: [UInt8], at offset: UInt64, of path: String) throws {
    try #require(chmod(path, 0o644) == 0)
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.seek(toOffset: offset)
    try handle.write(contentsOf: bytes)
    try handle.close()
  }

  /// Changes what lies beside a base.
  private func edit(_ record: BaseRecord, _ change: (String) -> String) throws {
    let path = "\(bed.path)/store/meta/\(record.name).json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let changed = change(text)
    try #require(changed != text)
    try changed.write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// A sidecar with other evidence, of the same identity.
  private static func evidence(in text: String, _ change: (String) -> String) -> String {
    guard let identity = text.range(of: "\"identity\"") else { return text }
    return change(String(text[..<identity.lowerBound])) + text[identity.lowerBound...]
  }

  @Test("what satisfies passes, and its bytes were read", arguments: [BaseFormat.raw, .qcow2])
  func passes(format: BaseFormat) async throws {
    _ = try await fetch(format)
    let report = try await audit()
    #expect(report.outcomes.map(\.verdict) == [.passed])
    #expect(report.outcomes.first?.rule == "default" && report.outcomes.first?.users == [])
    #expect(report.outcomes.first?.read == ByteCount(300_000))
    #expect(bed.names("leases").isEmpty)
  }

  @Test("all that today's policy refuses is told, with the disks that stand on it, and nothing is changed")
  func policy() async throws {
    let base = try await fetch()
    let overlay = try await disk("d1")
    let strict = "trust: { signature: required, formats: [qcow2], max_virtual_size: 100K }"
    let report = try await audit(strict, mark: true)
    let outcome = try #require(report.outcomes.first)
    #expect(outcome.verdict == .failed)
    #expect(codes(outcome) == [.formatNotAllowed, .virtualSizeNotAllowed, .signatureRequired])
    #expect(outcome.findings.allSatisfy { !$0.isAboutBytes })
    #expect(outcome.users == [overlay])
    #expect(outcome.consequence == .none)
    #expect(try await fetch().path == base.path, "every request is held against policy anyway, so there is no mark")
  }

  @Test("the rule is that for the image that the evidence tells of")
  func rule() async throws {
    _ = try await fetch()
    let report = try await audit("trust: { rules: [{ owner: tenant-a, signature: required }] }")
    #expect(report.outcomes.first?.rule == "owner tenant-a" && codes(report.outcomes.first) == [.signatureRequired])
    #expect(try await audit("trust: { rules: [{ owner: tenant-b, signature: required }] }").outcomes.map(\.verdict) == [.passed])
  }

  @Test("bytes that are others than were verified fail; what nothing uses goes into quarantine", arguments: [BaseFormat.raw, .qcow2])
  func otherBytes(format: BaseFormat) async throws {
    let base = try await fetch(format)
    // The image's first bytes, wherever the format keeps them.
    let file = try Data(contentsOf: URL(fileURLWithPath: base.path))
    let start = try #require(file.range(of: Data(Bed.bytes().prefix(512)))).lowerBound
    try write([file[start + 100] ^ 1], at: UInt64(start + 100), of: base.path)
    let looked = try await audit()
    #expect(codes(looked.outcomes.first) == [.digestMismatch] && looked.outcomes.first?.findings.first?.isAboutBytes == true)
    #expect(bed.names("bases").count == 1)
    let marked = try await audit(mark: true)
    guard case .quarantined(let path) = marked.outcomes.first?.consequence else {
      Issue.record("\(String(describing: marked.outcomes.first?.consequence))")
      return
    }
    #expect(FileManager.default.fileExists(atPath: path) && bed.names("bases").isEmpty)
  }

  @Test("a header that somebody put a backing file into is found")
  func backingFile() async throws {
    let base = try await fetch(.qcow2)
    // backing_file_offset, a big-endian u64 at 8, and its length at 16.
    try write([0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9], at: 8, of: base.path)
    let found = try #require(try await audit().outcomes.first { $0.base.path == base.path })
    #expect(codes(found) == [.formatRefused])
  }

  @Test("one in use stays and is marked; block hashes that fit do not lift such a mark, and an audit that it passes does")
  func marked() async throws {
    let base = try await fetch()
    let overlay = try await disk("d3")
    let digest = try #require(base.record.evidence.computed?.hex)
    let other = String(digest.reversed())
    try edit(base.record) { Self.evidence(in: $0) { $0.replacing(digest, with: other) } }
    let report = try await audit(mark: true)
    let outcome = try #require(report.outcomes.first)
    #expect(codes(outcome) == [.digestMismatch] && outcome.users == [overlay])
    #expect(outcome.consequence == .marked(.inUse))
    try edit(base.record) { Self.evidence(in: $0) { $0.replacing(other, with: digest) } }
    #expect(await bed.refusal(try bed.request()) == .baseDamaged)
    let verified = try await bed.withAgent { try await $0.verify(nil, rate: nil, refetch: false, context: bed.context) }
    #expect(verified.map(\.consequence) == [.none])
    #expect(await bed.refusal(try bed.request()) == .baseDamaged)
    #expect(try await audit(mark: true).outcomes.map(\.consequence) == [.cleared])
    #expect(await bed.refusal(try bed.request()) == nil)
  }

  @Test("one that cannot be judged is told, and stops none of the others")
  func unjudged() async throws {
    let first = try await fetch()
    bed.image.with { $0?.bytes = Bed.bytes(seed: 9) }
    let second = try await fetch()
    try edit(first.record) { $0.replacing("\"version\" : 1", with: "\"version\" : 99") }
    let report = try await audit()
    #expect(report.outcomes.count == 2)
    let byPath = Dictionary(report.outcomes.map { ($0.base.path, $0) }, uniquingKeysWith: { one, _ in one })
    #expect(byPath[first.path]?.verdict == .unjudged && byPath[first.path]?.error?.code == .storeRefused)
    #expect(byPath[second.path]?.verdict == .passed)
  }

  @Test("it stops at the deadline, when cancelled, and in maintenance; one image is looked for by its id")
  func stops() async throws {
    _ = try await fetch()
    #expect(try await audit(image: Bed.id?.text).outcomes.count == 1)
    try await bed.withAgent { agent in
      var late = bed.context
      late.deadline = .after(.zero)
      let timeout = await #expect(throws: SlipwayError.self) { try await agent.audit(nil, rate: nil, mark: false, context: late) }
      #expect(timeout?.code == .timeout)
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await agent.audit(nil, rate: nil, mark: false, context: bed.context)
      }
      await #expect(throws: CancellationError.self) { try await task.value }
      _ = try await agent.setMaintenance(true, note: nil, context: bed.context)
      let busy = await #expect(throws: SlipwayError.self) { try await agent.audit(nil, rate: nil, mark: false, context: bed.context) }
      #expect(busy?.code == .busy)
    }
  }
}

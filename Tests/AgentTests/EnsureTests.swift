import Crypto
import FaultServer
import Files
import Foundation
import ImageFormats
import ImageStore
import Model
import Runtime
import Testing

@testable import Agent

/// The base of a disk that comes from another host: hit, by its image, or from a copy that proves to be it.
@Suite(.timeLimit(.minutes(1))) struct EnsureTests {
  /// Ends within a sector, so that a qcow2 of it shows more bytes than the image has.
  static let bytes = Bed.bytes(70_001)
  let bed: Bed
  let away: String

  init() throws {
    bed = try Bed(FakeImage(bytes: Self.bytes))
    away = bed.path + "/away"
  }

  /// A base of the image as another host made it, whose store lies at `away` now; this host's store is empty again. The path of a disk on it.
  func migrated(_ format: BaseFormat, moved: Bool = true) async throws -> (overlay: String, base: BaseRecord) {
    let answer = try await bed.withAgent { try await $0.fetch(bed.request(), format: format, context: bed.context) }
    let overlay = try overlay(on: answer.path, format.rawValue)
    if moved { try FileManager.default.moveItem(atPath: bed.path + "/store", toPath: away) }
    return (overlay, answer.record)
  }

  func overlay(on path: String, _ format: String) throws -> String {
    let backing = try #require(ImageFormat(rawValue: format))
    let overlay = try Qcow2Overlay(virtualSize: 1 << 20, backingPath: path, backingFormat: backing)
    var file = [UInt8](repeating: 0, count: Int(overlay.fileSize))
    for write in overlay.writes { file.replaceSubrange(Int(write.offset)..<Int(write.offset) + write.bytes.count, with: write.bytes) }
    let place = bed.path + "/disk-\(UUID().uuidString).qcow2"
    try Data(file).write(to: URL(fileURLWithPath: place))
    return place
  }

  /// The image leaves the image service.
  func deleteImage() { bed.image.with { $0 = nil } }

  func ensure(_ overlay: String, _ change: (inout EnsureRequest) throws -> Void = { _ in }) async throws -> EnsureAnswer {
    var request = EnsureRequest(overlay: overlay)
    try change(&request)
    let wanted = request
    return try await bed.withAgent { try await $0.ensureBase(wanted, context: bed.context) }
  }

  func refusal(_ overlay: String, _ change: (inout EnsureRequest) throws -> Void = { _ in }) async -> ErrorCode? {
    do {
      _ = try await ensure(overlay, change)
      return nil
    } catch { return SlipwayError.wrap(error).code }
  }

  /// What a guest sees of a base.
  func guest(_ answer: EnsureAnswer) throws -> [UInt8] {
    let data = try Data(contentsOf: URL(fileURLWithPath: answer.base.path))
    guard answer.base.record.identity.format == .qcow2 else { return Array(data) }
    let reader = try Qcow2Reader(fileSize: Int64(data.count), object: "base") { offset, buffer in
      data.copyBytes(to: buffer, from: Int(offset)..<Int(offset) + buffer.count)
    }
    var bytes = [UInt8](repeating: 1, count: Int(reader.virtualSize))
    try bytes.withUnsafeMutableBytes { try reader.read(at: 0, into: $0) }
    return bytes
  }

  /// The image's bytes as a base of the format shows them.
  func expected(_ format: BaseFormat) -> [UInt8] {
    format == .raw ? Self.bytes : Self.bytes + [UInt8](repeating: 0, count: (512 - Self.bytes.count % 512) % 512)
  }

  /// Changes one byte of a file.
  func flip(_ path: String, at offset: Int) throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    data[offset] ^= 1
    try data.write(to: URL(fileURLWithPath: path))
  }

  @Test func aBaseThatIsHereAnswersAndIsHeld() async throws {
    let (overlay, base) = try await migrated(.qcow2, moved: false)
    deleteImage()
    let answer = try await ensure(overlay) { $0.hold = .seconds(300) }
    #expect(answer.base.route == nil)
    #expect(answer.base.record.name == base.name)
    let left = try #require(answer.heldUntil) - Int64(Date().timeIntervalSince1970)
    #expect((200...300).contains(left))
    let pin = try await bed.withAgent { try await $0.store(bed.context).pin(of: base.name) }
    #expect(pin?.note?.contains(URL(fileURLWithPath: overlay).lastPathComponent) == true)
  }

  @Test func aPinWithoutEndStaysAsItIs() async throws {
    let (overlay, base) = try await migrated(.raw, moved: false)
    try await bed.withAgent { _ = try await $0.store(bed.context).pin(base.name, note: "golden") }
    #expect(try await ensure(overlay).heldUntil == nil)
    let pin = try await bed.withAgent { try await $0.store(bed.context).pin(of: base.name) }
    #expect(pin?.note == "golden")
  }

  @Test(arguments: BaseFormat.allCases) func theImageServiceBringsItWhileItHasTheImage(format: BaseFormat) async throws {
    let (overlay, base) = try await migrated(format)
    let answer = try await ensure(overlay) { $0.image = try bed.request().reference }
    #expect(answer.base.route == .download)
    #expect(answer.base.record.name == base.name)
    #expect(try guest(answer) == expected(format))
  }

  @Test func anImageThatWasMadePrivateStillBringsTheBaseOfItsPublicDays() async throws {
    let (overlay, base) = try await migrated(.qcow2)
    bed.image.with { $0?.visibility = "private" }
    let answer = try await ensure(overlay) { $0.image = try bed.request().reference }
    #expect(answer.base.record.name == base.name)
  }

  @Test func anImageThatIsAnotherNowBringsNothing() async throws {
    let (overlay, _) = try await migrated(.qcow2)
    bed.image.with { $0?.bytes = Bed.bytes(70_001, seed: 3) }
    #expect(await refusal(overlay) { $0.image = try bed.request().reference } == .baseNotFound)
    #expect(bed.names("bases").isEmpty)
  }

  @Test(arguments: BaseFormat.allCases) func aCopyInAnotherStoreServesWhenTheImageIsGone(format: BaseFormat) async throws {
    let (overlay, base) = try await migrated(format)
    deleteImage()
    let answer = try await ensure(overlay) { $0.from = away }
    #expect(answer.base.route == .file)
    #expect(answer.base.record.name == base.name)
    #expect(answer.base.record.evidence.verdict == .matched)
    #expect(answer.base.record.evidence.expectedFrom == "identity")
    #expect(answer.base.record.images.isEmpty, "which image it is, no bytes can prove")
    #expect(try guest(answer) == expected(format))
    #expect(bed.names("tmp").isEmpty)
  }

  @Test(arguments: BaseFormat.allCases) func aCopyBehindAURLServesToo(format: BaseFormat) async throws {
    let (overlay, base) = try await migrated(format)
    deleteImage()
    let away = away
    let server = try FaultServer { request in
      let path = away + request.path.replacingOccurrences(of: "/export", with: "")
      guard let data = FileManager.default.contents(atPath: path) else { return FaultReply(404) }
      return FaultReply(200, body: Array(data))
    }
    defer { server.stop() }
    let answer = try await ensure(overlay) { $0.from = server.url + "/export/" }
    #expect(answer.base.route == .download)
    #expect(answer.base.record.name == base.name)
    #expect(try guest(answer) == expected(format))
    #expect(bed.names("tmp").isEmpty)
  }

  @Test func aSingleFileWithItsEvidenceBesideItServes() async throws {
    let (overlay, base) = try await migrated(.qcow2)
    deleteImage()
    let copy = bed.path + "/rescued"
    try FileManager.default.copyItem(atPath: "\(away)/bases/\(base.name)", toPath: copy)
    #expect(await refusal(overlay) { $0.from = copy } == .digestRequired, "without evidence nothing proves it")
    try FileManager.default.copyItem(atPath: "\(away)/meta/\(base.name).json", toPath: copy + ".json")
    #expect(try await ensure(overlay) { $0.from = copy }.base.route == .file)
  }

  @Test func theImagesDigestProvesACopyWithoutEvidence() async throws {
    bed.image.with { $0?.bytes.removeLast(Self.bytes.count % 512) }
    let whole = try #require(bed.image.with { $0?.bytes })
    let (overlay, base) = try await migrated(.qcow2)
    deleteImage()
    try FileManager.default.removeItem(atPath: "\(away)/meta/\(base.name).json")
    let other = try Digest.of([1], .sha512)
    #expect(await refusal(overlay) { ($0.from, $0.digest) = (away, other) } == .digestMismatch)
    let answer = try await ensure(overlay) { ($0.from, $0.digest) = (away, try Digest.of(whole, .sha512)) }
    #expect(try guest(answer) == whole)
  }

  @Test(arguments: BaseFormat.allCases) func otherBytesAreRefusedAndNothingIsKept(format: BaseFormat) async throws {
    let (overlay, base) = try await migrated(format)
    deleteImage()
    // In the last bytes of the image: of the file for raw, within the data of the last cluster for qcow2.
    let path = "\(away)/bases/\(base.name)"
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let place = try #require(data.range(of: Data(Self.bytes[69_000..<69_064]))).lowerBound
    try flip(path, at: place + 5)
    #expect(await refusal(overlay) { $0.from = away } == .digestMismatch)
    #expect(bed.names("bases").isEmpty)
    #expect(bed.names("tmp").isEmpty)
    #expect(bed.names("meta").isEmpty)
  }

  @Test func bytesBehindTheImagesEndAreRefused() async throws {
    let (overlay, base) = try await migrated(.qcow2)
    deleteImage()
    let path = "\(away)/bases/\(base.name)"
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let place = try #require(data.range(of: Data(Self.bytes[69_000..<69_064]))).lowerBound
    try flip(path, at: place + 1001 + 3)
    #expect(await refusal(overlay) { $0.from = away } == .digestMismatch)
    #expect(bed.names("bases").isEmpty)
  }

  @Test func evidenceOfAnotherBaseIsRefused() async throws {
    let (overlay, base) = try await migrated(.qcow2)
    let other = try await bed.withAgent { try await $0.fetch(bed.request(), format: .raw, context: bed.context) }
    deleteImage()
    try FileManager.default.removeItem(atPath: "\(away)/meta/\(base.name).json")
    try FileManager.default.copyItem(
      atPath: "\(bed.path)/store/meta/\(other.record.name).json", toPath: "\(away)/meta/\(base.name).json")
    #expect(await refusal(overlay) { $0.from = away } == .formatMismatch)
  }

  @Test func aRawFileIsNoBaseForADiskThatReadsQcow2() async throws {
    let (overlay, base) = try await migrated(.qcow2)
    deleteImage()
    // The right guest bytes, and the wrong format: what Nova would let pass.
    let path = "\(away)/bases/\(base.name)"
    try FileManager.default.removeItem(atPath: path)
    try Data(Self.bytes).write(to: URL(fileURLWithPath: path))
    #expect(await refusal(overlay) { $0.from = away } == .formatMismatch)
    #expect(bed.names("bases").isEmpty)
  }

  @Test func aQcow2IsNoBaseForADiskThatReadsRaw() async throws {
    let (overlay, base) = try await migrated(.raw)
    let other = try await bed.withAgent { try await $0.fetch(bed.request(), format: .qcow2, context: bed.context) }
    deleteImage()
    let path = "\(away)/bases/\(base.name)"
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(atPath: other.path, toPath: path)
    #expect(await refusal(overlay) { $0.from = away } == .formatMismatch)
    #expect(bed.names("bases").count == 1)
  }

  @Test func aBaseOfTheRightNameAndTheWrongFormatIsNoHit() async throws {
    let (overlay, base) = try await migrated(.raw, moved: false)
    let path = "\(bed.path)/store/bases/\(base.name)"
    try flip(path, at: 0)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    data.replaceSubrange(0..<4, with: [0x51, 0x46, 0x49, 0xFB])
    try data.write(to: URL(fileURLWithPath: path))
    #expect(await refusal(overlay) == .formatMismatch)
  }

  @Test func aDiskOnADiskIsFollowedToItsBase() async throws {
    let (first, base) = try await migrated(.qcow2, moved: false)
    let inner = try #require(FileStatus.resolved(bed.path)) + "/disks/inner.qcow2"
    try FileManager.default.createDirectory(atPath: bed.path + "/disks", withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: first, toPath: inner)
    #expect(try await ensure(overlay(on: inner, "qcow2")).base.record.name == base.name)
  }

  @Test func withoutImageAndCopyThereIsNothingToDo() async throws {
    let (overlay, _) = try await migrated(.qcow2)
    #expect(await refusal(overlay) == .baseNotFound)
    deleteImage()
    #expect(await refusal(overlay) { $0.image = try bed.request().reference } == .baseNotFound)
    bed.isDown.with { $0 = true }
    #expect(await refusal(overlay) { $0.image = try bed.request().reference } == .imageServiceUnavailable, "an outage is to be tried again")
  }

  @Test func aDiskThatStandsOnNothingNeedsNoBase() async throws {
    _ = try await migrated(.qcow2, moved: false)
    let base = "\(bed.path)/store/bases/\(try #require(bed.names("bases").first))"
    #expect(await refusal(base) == .usage)
    #expect(await refusal(bed.path + "/nothing.qcow2") == .diskNotFound)
  }
}

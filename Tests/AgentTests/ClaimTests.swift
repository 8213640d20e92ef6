import ImageFormats
import ImageStore
import Model
import Testing
import Transports

@testable import Agent

/// What an image is claimed to be, and as what it is read.
@Suite struct ClaimTests {
  static var settings: NovaSettings {
    get throws { try NovaSettings(instancesPath: "/var/lib/nova/instances") }
  }

  static func image(_ format: String, container: String = "bare") -> ResolvedImage {
    ResolvedImage(description: ImageDescription(id: Bed.id, diskFormat: format, containerFormat: container), typed: false)
  }

  /// What an inspection of it says of bytes.
  static func judged(_ image: ResolvedImage, _ bytes: [UInt8]) throws -> Inspection {
    let observer = try image.inspection()
    try bytes.withUnsafeBytes { try observer.update($0) }
    return try observer.result()
  }

  static let zeros = [UInt8](repeating: 0, count: 40960)

  static let iso: [UInt8] = {
    // A primary volume descriptor.
    var bytes = [UInt8](repeating: 0, count: 40960)
    bytes.replaceSubrange(32768..<32775, with: [1] + Array("CD001".utf8) + [1])
    return bytes
  }()

  /// The first sector of a Linux kernel for x86: the signature of a partition table, and none.
  static let kernel: [UInt8] = {
    var bytes = [UInt8](repeating: 7, count: 4096)
    bytes.replaceSubrange(510..<512, with: [0x55, 0xAA])
    return bytes
  }()

  @Test func anISOIsReadAsRawAndMustBeOne() throws {
    let image = Self.image("iso").asRead(in: .native)
    #expect(image.description.diskFormat == "raw")
    #expect(try Self.judged(image, Self.iso).format == .iso)
    #expect(#expect(throws: SlipwayError.self) { try Self.judged(image, Self.zeros) }?.code == .formatMismatch)
  }

  @Test func rawMustNotBeAnISOUnlessItIsABasesCopy() throws {
    var image = Self.image("raw").asRead(in: .native)
    #expect(#expect(throws: SlipwayError.self) { try Self.judged(image, Self.iso) }?.code == .formatMismatch)
    image.isCopy = true
    #expect(try Self.judged(image, Self.iso).format == .iso)
  }

  @Test(arguments: ["ami", "aki", "ari"]) func partsOfAmazonImagesAreRawInNovasCacheAlone(_ format: String) throws {
    let nova = Self.image(format, container: format).asRead(in: .nova(try Self.settings))
    #expect(nova.description.diskFormat == "raw")
    #expect(nova.description.containerFormat == "bare")
    #expect(try Self.judged(nova, Self.kernel).format == .raw)
    let qcow2 = Array("QFI".utf8) + [0xFB] + Self.kernel.dropFirst(4)
    #expect(#expect(throws: SlipwayError.self) { try Self.judged(nova, qcow2) }?.code == .formatMismatch)
    let native = Self.image(format).asRead(in: .native)
    #expect(#expect(throws: SlipwayError.self) { try native.inspection() }?.code == .formatRefused)
  }

  @Test func aKernelClaimedRawIsNoDisk() {
    #expect(#expect(throws: SlipwayError.self) { try Self.judged(Self.image("raw"), Self.kernel) }?.code == .formatRefused)
  }
}

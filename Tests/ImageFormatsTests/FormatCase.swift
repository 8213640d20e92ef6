import ImageFormats
import Model
import Testing

/// An image, a claim, and what must come of it.
struct FormatCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let claimed: DiskFormat
  let sample: Sample
  /// What is expected: nil for acceptance.
  let code: ErrorCode?
  /// A word that the sentence must have.
  let word: String
  var policy = InspectionPolicy()

  init(_ name: String, _ claimed: DiskFormat, _ sample: Sample, _ code: ErrorCode? = nil, _ word: String = "") {
    testDescription = name
    self.claimed = claimed
    self.sample = sample
    self.code = code
    self.word = word
  }

  func under(_ change: (inout InspectionPolicy) -> Void) -> FormatCase {
    var copy = self
    change(&copy.policy)
    return copy
  }

  static var sound: [FormatCase] {
    [
      FormatCase("vmdk", .vmdk, Samples.vmdk()), FormatCase("streamOptimized", .vmdk, Samples.streamOptimized()),
      FormatCase("dynamic vhd", .vhd, Samples.dynamicVHD()), FormatCase("fixed vhd", .vhd, Samples.fixedVHD()),
      FormatCase("vhdx", .vhdx, Samples.vhdx()), FormatCase("vdi", .vdi, Samples.vdi()), FormatCase("iso", .iso, Samples.iso()),
      FormatCase("luks 1", .luks, Samples.luks1()), FormatCase("luks 2", .luks, Samples.luks2()), FormatCase("mbr", .raw, Samples.disk()),
      FormatCase("gpt", .raw, Samples.gpt()),
    ]
  }
}

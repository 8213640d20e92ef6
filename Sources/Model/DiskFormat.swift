/// The formats of an image's bytes that inspection tells apart. The raw values are Glance's words (`disk_format`).
public enum DiskFormat: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
  /// Sectors as a guest sees them, with or without partitions or a file system.
  case raw
  case qcow2, vmdk
  /// Virtual PC's, which QEMU calls `vpc`.
  case vhd
  case vhdx, vdi, qed
  /// ISO 9660, or UDF beside it: sectors, too.
  case iso
  /// LUKS 1 and 2: an encrypted disk as a whole.
  case luks

  /// The formats from which bases are made. All others are refused before a byte is moved; who teaches us to convert one adds it here.
  public static let accepted: Set<DiskFormat> = [.raw, .qcow2, .iso, .vmdk, .vhd, .vhdx, .vdi]

  /// Whether a guest reads the stored bytes as they are, so that their number is the disk's size.
  public var isPlainSectors: Bool { self == .raw || self == .iso }

  /// Whether `qemu-img` turns its bytes into raw ones, after they were verified and inspected; all others that are accepted are read by us.
  public var isConverted: Bool {
    switch self {
    case .vmdk, .vhd, .vhdx, .vdi: true
    case .raw, .qcow2, .qed, .iso, .luks: false
    }
  }

  public var description: String { rawValue }

  /// The accepted formats in a sentence: `raw, qcow2 and iso`.
  public static var acceptedWords: String {
    let words = allCases.filter(accepted.contains).map(\.rawValue)
    return words.dropLast().joined(separator: ", ") + " and " + (words.last ?? "")
  }

  /// The format that an image service or an operator claims. Throws `format_refused` for a word that is none, and for a format that is not accepted.
  public init(claimed text: String?, object: String) throws(SlipwayError) {
    guard let text, let format = DiskFormat(rawValue: text), DiskFormat.accepted.contains(format) else {
      let shown = text.map { "'\($0)'" } ?? "unknown"
      throw SlipwayError(
        .formatRefused, "the disk format of \(object) is \(shown), and only \(DiskFormat.acceptedWords) are read", object: object,
        hint: "convert it to raw or qcow2 and upload that")
    }
    self = format
  }
}

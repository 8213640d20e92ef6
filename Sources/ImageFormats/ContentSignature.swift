/// What the first bytes of an image say it is, by magic alone.
///
/// Rule: the signatures of oslo.utils' format inspector, on which Nova, Glance and Cinder decide. A fixed VHD has its footer at the end and
/// is raw by this rule; an ISO is plain sectors and counts as raw.
enum ContentSignature: String {
  case qcow2
  case vmdk
  case vhd = "VHD"
  case vhdx = "VHDX"
  case vdi = "VDI"
  case qed = "QED"
  case luks = "LUKS"

  /// Bytes that every magic lies in.
  static let window = 512

  private static let magics: [(ContentSignature, offset: Int, [UInt8])] = [
    (.qcow2, 0, Array("QFI".utf8) + [0xFB]),
    (.vmdk, 0, Array("KDMV".utf8)),
    (.vmdk, 0, Array("COWD".utf8)),
    (.vmdk, 0, Array("# Disk DescriptorFile".utf8)),
    (.vhd, 0, Array("conectix".utf8)),
    (.vhdx, 0, Array("vhdxfile".utf8)),
    (.vdi, 0x40, [0x7F, 0x10, 0xDA, 0xBE]),
    (.qed, 0, Array("QED".utf8) + [0]),
    (.luks, 0, Array("LUKS".utf8) + [0xBA, 0xBE]),
  ]

  /// The format whose magic `start`, the first 512 bytes or all there are, carries; nil for raw.
  static func detect(_ start: UnsafeRawBufferPointer) -> ContentSignature? {
    magics.first { start.has($0.2, at: $0.offset) }?.0
  }

  /// Whether `head` begins with text that is a VMDK descriptor: lines of ASCII, one of them naming a `createType`. Such a file names other
  /// files as its extents, so it is never raw.
  static func isDescriptor(_ head: UnsafeRawBufferPointer) -> Bool {
    let text = head.prefix { $0 == 9 || $0 == 10 || $0 == 13 || (32..<127).contains($0) }
    let key = Array("createtype".utf8)
    // A line at a time, so that the same letters in the middle of a sentence do not count.
    return text.split(whereSeparator: { $0 == 10 || $0 == 13 }).contains { line in
      let trimmed = line.drop { $0 == 32 || $0 == 9 }
      guard trimmed.prefix(key.count).map({ $0 | 0x20 }) == key else { return false }
      return trimmed.dropFirst(key.count).first { $0 != 32 && $0 != 9 } == UInt8(ascii: "=")
    }
  }

  /// Whether `head` carries the ISO 9660 signature; needs 32,774 bytes.
  static func isISO(_ head: UnsafeRawBufferPointer) -> Bool { head.has("CD001".utf8, at: 32769) }
}

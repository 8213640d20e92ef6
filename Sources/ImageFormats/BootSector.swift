/// What the first sector of plain sectors says of how they are divided.
///
/// Rules: oslo.utils `GPTInspector` (cases H13, H14). Unlike it, the boot record of a file system (NTFS, exFAT, any FAT) counts as no table: such a
/// volume without partitions is honest.
struct BootSector: Sendable {
  /// The table; nil for none, and for one that makes no sense.
  private(set) var table: Inspection.PartitionTable?
  /// Why what has the signature of a table is none; nil when all is well.
  private(set) var refusal: String?

  /// Whether the sector has the signature of a partition table, and is no file system's boot record.
  var hasSignature: Bool { table != nil || refusal != nil }

  /// The verdict on the first 512 bytes; fewer are no boot sector.
  init(_ bytes: [UInt8]) {
    guard bytes.count == 512, bytes[510] == 0x55, bytes[511] == 0xAA, !Self.isVolume(bytes) else { return }
    var used: [Int] = []
    var protective = false
    for index in 0..<4 {
      let entry = Array(bytes[446 + 16 * index..<462 + 16 * index])
      if entry[0] != 0, entry[0] != 0x80 {
        refusal = refusal ?? "entry \(index) has an invalid boot flag"
      }
      if entry[4] != 0 { used.append(index) }
      guard entry[4] == 0xEE else { continue }
      protective = true
      if Array(entry[1..<4]) != [0, 2, 0] || entry.little32(8) != 1 {
        refusal = refusal ?? "the protective entry of a GPT begins elsewhere than it must"
      }
    }
    if protective, used != [0] { refusal = refusal ?? "a GPT has partitions beside its protective one" }
    if used.isEmpty { refusal = refusal ?? "it names no partition" }
    if refusal == nil { table = protective ? .gpt : .mbr }
  }

  /// Whether this is the boot record of a file system that fills the disk. (Microsoft's FAT specification; two copies of a FAT on a fixed disk is
  /// oslo.utils' own rule.)
  private static func isVolume(_ bytes: [UInt8]) -> Bool {
    if bytes[0x10] == 2, bytes[0x15] == 0xF8 { return true }
    let isJump = bytes[0] == 0xE9 || (bytes[0] == 0xEB && bytes[2] == 0x90)
    guard isJump else { return false }
    if bytes.has("NTFS    ".utf8, at: 3) || bytes.has("EXFAT   ".utf8, at: 3) { return true }
    let sector = bytes.little16(11)
    guard [512, 1024, 2048, 4096].contains(sector), bytes[13].nonzeroBitCount == 1, (1...2).contains(bytes[16]) else { return false }
    return bytes.has("FAT".utf8, at: 54) || bytes.has("FAT32   ".utf8, at: 82)
  }
}

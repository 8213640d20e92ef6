/// Whether bytes without a qcow2 magic are a raw disk, or a disk whose header is gone.
enum RawEvidence {
  /// How much of a file is looked at: the last mark below ends there.
  static let headSize = 65536 + 72

  /// Marks by which raw disks are known: partition tables, file systems, swap, volumes.
  private static let marks: [(offset: Int, bytes: [UInt8])] = [
    (510, [0x55, 0xAA]),  // MBR, FAT
    (512, Array("EFI PART".utf8)), (4096, Array("EFI PART".utf8)),  // GPT
    (1080, [0x53, 0xEF]),  // ext2 to ext4
    (0, Array("XFSB".utf8)), (65600, Array("_BHRfS_M".utf8)),
    (32769, Array("CD001".utf8)),  // ISO 9660, of config drives
    (4086, Array("SWAPSPACE2".utf8)),
    (0, Array("LUKS".utf8) + [0xBA, 0xBE]), (512, Array("LABELONE".utf8)),  // encrypted, LVM
  ]

  /// Whether the head of a file carries the mark of a raw disk.
  static func holds(_ head: [UInt8]) -> Bool {
    marks.contains { mark in
      head.count >= mark.offset + mark.bytes.count && head[mark.offset..<mark.offset + mark.bytes.count].elementsEqual(mark.bytes)
    }
  }
}

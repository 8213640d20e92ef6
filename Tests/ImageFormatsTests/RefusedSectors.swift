import ImageFormats
import Model

extension FormatCase {
  /// Partitions, ISO, LUKS and QED (H6, H13 to H16), several formats at once, and sizes.
  static var sectors: [FormatCase] {
    let (disk, gpt, iso, luks) = (Samples.disk(), Samples.gpt(), Samples.iso(), Samples.luks1())
    let volume = Sample(size: 65536).with([0x55, 0xAA], at: 510).with([0xEB, 0x52, 0x90], at: 0)
    let fat = volume.little(UInt16(512), at: 11).with([4], at: 13).with([1], at: 16).with("FAT16   ", at: 54)
    return [
      FormatCase("H6", .qed, Samples.qed(), .formatRefused, "never accepted"),
      FormatCase("H13 boot flag", .raw, Samples.disk(boot: 0x0A), .formatRefused, "boot flag"),
      FormatCase("H13 no partitions", .raw, Samples.disk(type: 0, boot: 0), .formatRefused, "no partition"),
      FormatCase("H13 partition beside a GPT", .raw, Samples.entry(gpt, 1, type: 0x83, lba: 2048), .formatRefused, "beside"),
      FormatCase("H13 GPT not first", .raw, Samples.entry(disk, 2, type: 0xEE, lba: 1), .formatRefused, "beside"),
      FormatCase("H13 CHS", .raw, Samples.entry(gpt, 0, type: 0xEE, lba: 1, chs: [0, 1, 0]), .formatRefused, "begins elsewhere"),
      FormatCase("H13 LBA", .raw, Samples.entry(gpt, 0, type: 0xEE, lba: 2), .formatRefused, "begins elsewhere"),
      FormatCase("H14 any CHS and LBA", .raw, Samples.entry(disk, 0, type: 0x83, lba: 77, chs: [1, 2, 3])),
      FormatCase("an MBR that policy does not look at", .raw, Samples.disk(boot: 0x0A)).under { $0.checksPartitions = false },
      FormatCase("W17 NTFS", .raw, volume.with("NTFS    ", at: 3)),
      FormatCase("W17 exFAT", .raw, volume.with([0xEB, 0x76, 0x90], at: 0).with("EXFAT   ", at: 3)),
      FormatCase("W17 FAT with one copy", .raw, fat),
      FormatCase("FAT with two copies on a fixed disk", .raw, volume.with([2], at: 16).with([0xF8], at: 21)),
      FormatCase("a sector with the signature alone", .raw, volume, .formatRefused, "no partition"),
      FormatCase("partitions claimed qcow2", .qcow2, disk, .formatMismatch, "partition table"),

      FormatCase("H15 isohybrid claimed iso", .iso, Samples.entry(iso.with([0x55, 0xAA], at: 510), 0, type: 0xEF, lba: 64)),
      FormatCase("isohybrid with an odd MBR", .iso, iso.with([0x55, 0xAA], at: 510)),
      FormatCase(
        "H15 isohybrid claimed raw", .raw, Samples.entry(iso.with([0x55, 0xAA], at: 510), 0, type: 0xEF, lba: 64), .formatMismatch, "iso"),
      FormatCase("an ISO in a raw base", .raw, iso).under { $0.allowsISOAsRaw = true },
      FormatCase("a qcow2 in a raw base", .raw, iso.with(Array("QFI".utf8) + [0xFB], at: 0), .formatMismatch, "content is qcow2").under {
        $0.allowsISOAsRaw = true
      },
      FormatCase("UDF in its place", .iso, Samples.iso("NSR03")),
      FormatCase("raw claimed iso", .iso, Sample(size: 65536), .formatMismatch, "content is raw"),

      FormatCase("H16 LUKS 2 by policy", .luks, Samples.luks2(), .formatRefused, "does not allow").under { $0.allowsLUKS2 = false },
      FormatCase("H16 LUKS 3", .luks, luks.big(UInt16(3), at: 6), .formatRefused, "version 3"),
      FormatCase("H16 rounds", .luks, luks.big(UInt32(12_000_001), at: 212), .formatRefused, "12000001 rounds"),
      FormatCase("rounds of the digest", .luks, luks.big(UInt32.max, at: 164), .formatRefused, "rounds"),
      FormatCase("rounds of a slot that is free", .luks, luks.big(UInt32.max, at: 260)),
      FormatCase("LUKS stripes", .luks, luks.big(UInt32.max, at: 252), .formatRefused, "stripes"),
      FormatCase("LUKS key", .luks, luks.big(UInt32.max, at: 108), .formatRefused, "key of"),
      FormatCase("LUKS slot", .luks, luks.big(UInt32(1), at: 208), .formatRefused, "neither used nor free"),
      FormatCase("LUKS data behind the end", .luks, luks.big(UInt32.max, at: 104), .formatRefused, "before its data"),
      FormatCase("LUKS 2 without segments", .luks, Samples.luks2().with("segnents", at: 4154), .formatRefused, "where its data begins"),
      FormatCase("LUKS 2 header", .luks, Samples.luks2().big(UInt64(1), at: 8), .formatRefused, "not possible"),
      FormatCase("a salt that looks like a table", .luks, luks.with([0x55, 0xAA], at: 510)),

      FormatCase("vmdk and partitions", .vmdk, Samples.vmdk().with([0x55, 0xAA], at: 510), .formatMismatch, "at once"),
      FormatCase("vdi and iso", .vdi, Samples.vdi().with("CD001", at: 32769), .formatMismatch, "vdi and iso at once"),
      FormatCase("vdi and qed", .vdi, Samples.vdi().with(Array("QED".utf8) + [0], at: 0), .formatMismatch, "at once"),
      FormatCase("vdi and qed claimed raw", .raw, Samples.vdi().with(Array("QED".utf8) + [0], at: 0), .formatMismatch, "at once"),

      FormatCase("H22 raw", .raw, Sample(size: 4097), .formatRefused, "4097 bytes").under { $0.maximumVirtualSize = 4096 },
      FormatCase("raw within the limit", .raw, Sample(size: 4096)).under { $0.maximumVirtualSize = 4096 },
      FormatCase("H22 vmdk", .vmdk, Samples.vmdk(), .formatRefused, "policy allows").under { $0.maximumVirtualSize = 4096 },
    ]
  }
}

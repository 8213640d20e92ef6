/// Small sound images of each format, byte for byte by the specifications.
enum Samples {
  /// 1 MiB in one grain table; its data is not there.
  static func vmdk(
    type: String = "monolithicSparse", lines: String = "", extent: String = "RW 2048 SPARSE \"disk.vmdk\"", parent: String = "ffffffff"
  ) -> Sample {
    let text = """
      # Disk DescriptorFile
      version=1
      CID=3f2a1b00
      parentCID=\(parent)
      createType="\(type)"
      \(lines)
      # Extent description
      \(extent)

      # The Disk Data Base
      #DDB

      ddb.virtualHWVersion = "4"
      ddb.geometry.cylinders = "2"

      """
    return header(Sample(size: 65536), at: 0, directory: 26).with(text, at: 512)
  }

  /// A VMDK's header, or footer, at `offset`.
  static func header(_ sample: Sample, at offset: Int, directory: UInt64) -> Sample {
    sample.with("KDMV", at: offset).little(UInt32(1), at: offset + 4).little(UInt32(3), at: offset + 8).little(
      UInt64(2048), at: offset + 12
    )
    .little(UInt64(128), at: offset + 20).little(UInt64(1), at: offset + 28).little(UInt64(20), at: offset + 36)
    .little(UInt32(512), at: offset + 44).little(UInt64(21), at: offset + 48).little(directory, at: offset + 56)
    .little(UInt64(128), at: offset + 64).with("\n \r\n", at: offset + 73)
  }

  /// With the footer at its end.
  static func streamOptimized() -> Sample {
    let start = header(vmdk(type: "streamOptimized"), at: 0, directory: .max)
    let marker = start.size
    let all = start.appending([UInt8](repeating: 0, count: 1536)).little(UInt64(1), at: marker).little(UInt32(3), at: marker + 12)
    return header(all, at: marker + 512, directory: 26)
  }

  /// 4 MiB in blocks of 2 MiB, none of which is there.
  static func dynamicVHD(type: UInt32 = 3) -> Sample {
    let footer = vhdFooter(type: type, dataOffset: 512, size: 4 << 20)
    return Sample(size: 2560, [(0, footer), (2048, footer)]).with("cxsparse", at: 512).big(UInt64.max, at: 520).big(UInt64(1536), at: 528)
      .big(UInt32(0x10000), at: 536).big(UInt32(2), at: 540).big(UInt32(2 << 20), at: 544).big(UInt64.max, at: 1536)
  }

  static func fixedVHD(size: Int = 1 << 20) -> Sample {
    Sample(size: size).appending(vhdFooter(type: 2, dataOffset: .max, size: UInt64(size)))
  }

  static func vhdFooter(type: UInt32, dataOffset: UInt64, size: UInt64, creator: String = "win ") -> [UInt8] {
    let sample = Sample(size: 512).with("conectix", at: 0).big(UInt32(2), at: 8).big(UInt32(0x10000), at: 12).big(dataOffset, at: 16)
      .with(creator, at: 28).big(size, at: 40).big(size, at: 48).big(UInt32(0x0002_040A), at: 56).big(type, at: 60)
    let bytes = sample.parts.reduce(into: [UInt8](repeating: 0, count: 512)) { all, part in
      all.replaceSubrange(part.offset..<part.offset + part.bytes.count, with: part.bytes)
    }
    return bytes.with(~bytes.reduce(UInt32(0)) { $0 &+ UInt32($1) }, at: 64)
  }

  /// 8 MiB, with its metadata at 1 MiB and the table of blocks at 2 MiB.
  static func vhdx(flags: UInt32 = 0) -> Sample {
    let items: [(String, UInt32, UInt32)] = [
      ("CAA16737-FA36-4D43-B3B6-33F0AA44E76B", 65536, 8), ("2FA54224-CD1B-4876-B211-5DBED83BF4B8", 65544, 8),
      ("BECA12AB-B2E6-4523-93EF-C309E000C746", 65552, 16), ("8141BF1D-A96F-4709-BA47-F233A8FAAB5F", 65568, 4),
      ("CDA348C7-445D-4471-9CC9-E9885251C556", 65572, 4),
    ]
    let (table, metadata) = (192 << 10, 1 << 20)
    var sample = Sample(size: 3 << 20).with("vhdxfile", at: 0).with("regi", at: table).little(UInt32(2), at: table + 8)
      .with(guid("2DC27766-F623-4200-9D64-115E9BFD4A08"), at: table + 16).little(UInt64(2 << 20), at: table + 32)
      .little(UInt32(1 << 20), at: table + 40).little(UInt32(1), at: table + 44)
      .with(guid("8B7CA206-4790-4B9A-B8FE-575F050F886E"), at: table + 48).little(UInt64(metadata), at: table + 64)
      .little(UInt32(1 << 20), at: table + 72).little(UInt32(1), at: table + 76)
      .with("metadata", at: metadata).little(UInt16(items.count), at: metadata + 10)
    for (index, (name, offset, length)) in items.enumerated() {
      let entry = metadata + 32 + 32 * index
      sample = sample.with(guid(name), at: entry).little(offset, at: entry + 16).little(length, at: entry + 20).little(
        UInt32(4), at: entry + 24)
    }
    let values = metadata + 65536
    return sample.little(UInt32(8 << 20), at: values).little(flags, at: values + 4).little(UInt64(8 << 20), at: values + 8)
      .little(UInt32(512), at: values + 32).little(UInt32(4096), at: values + 36)
  }

  /// As Microsoft stores it: the first three groups little-endian.
  static func guid(_ text: String) -> [UInt8] {
    let groups = text.split(separator: "-").map { group in
      stride(from: 0, to: group.count, by: 2).map { UInt8(String(Array(group)[$0..<$0 + 2]), radix: 16) ?? 0 }
    }
    return groups.prefix(3).flatMap { $0.reversed() } + groups.dropFirst(3).joined()
  }

  /// 4 MiB, one of whose blocks is there.
  static func vdi() -> Sample {
    Sample(size: 1024 + (1 << 20)).with("<<< a disk image >>>\n", at: 0).little(UInt32(0xBEDA_107F), at: 0x40)
      .little(UInt32(0x0001_0001), at: 0x44).little(UInt32(0x180), at: 0x48).little(UInt32(1), at: 0x4C).little(UInt32(512), at: 0x154)
      .little(UInt32(1024), at: 0x158).little(UInt32(512), at: 0x168).little(UInt64(4 << 20), at: 0x170)
      .little(UInt32(1 << 20), at: 0x178).little(UInt32(4), at: 0x180).little(UInt32(1), at: 0x184)
      .little(UInt32.max, at: 516).little(UInt32.max, at: 520).little(UInt32.max, at: 524)
  }

  static func qed() -> Sample { Sample(size: 65536 * 2).with(Array("QED".utf8) + [0], at: 0).little(UInt32(65536), at: 4) }

  static func iso(_ signature: String = "CD001") -> Sample {
    Sample(size: 40960).with([1], at: 32768).with(signature, at: 32769).with([1], at: 32774).little(UInt32(20), at: 32848)
      .little(UInt16(2048), at: 32896)
  }

  /// Data from sector 4096 on, the first of its eight slots used.
  static func luks1() -> Sample {
    var sample = Sample(size: (4096 * 512) + 65536).with(Array("LUKS".utf8) + [0xBA, 0xBE], at: 0).big(UInt16(1), at: 6).with("aes", at: 8)
      .with("xts-plain64", at: 40).with("sha256", at: 72).big(UInt32(4096), at: 104).big(UInt32(64), at: 108).big(UInt32(1000), at: 164)
    for slot in 0..<8 {
      let place = 208 + 48 * slot
      sample = sample.big(UInt32(slot == 0 ? 0x00AC_71F3 : 0xDEAD), at: place).big(UInt32(2000), at: place + 4)
        .big(UInt32(8), at: place + 40).big(UInt32(4000), at: place + 44)
    }
    return sample
  }

  /// Data from 64 KiB on.
  static func luks2() -> Sample {
    let json =
      #"{"keyslots":{"0":{"area":{"offset":"32768","size":"1"}}},"segments":{"0":{"type":"crypt", "offset": "65536","size":"dynamic"}}}"#
    return Sample(size: 131072).with(Array("LUKS".utf8) + [0xBA, 0xBE], at: 0).big(UInt16(2), at: 6).big(UInt64(16384), at: 8)
      .with(json, at: 4096)
  }

  /// A disk with one partition of that type.
  static func disk(type: UInt8 = 0x83, boot: UInt8 = 0x80) -> Sample {
    entry(Sample(size: 1 << 20).with([0x55, 0xAA], at: 510), 0, type: type, boot: boot, lba: 2048)
  }

  static func gpt() -> Sample {
    entry(Sample(size: 1 << 20).with([0x55, 0xAA], at: 510), 0, type: 0xEE, boot: 0, lba: 1).with("EFI PART", at: 512)
  }

  static func entry(_ sample: Sample, _ index: Int, type: UInt8, boot: UInt8 = 0, lba: UInt32, chs: [UInt8] = [0, 2, 0]) -> Sample {
    sample.with([boot] + chs + [type, 0xFE, 0xFF, 0xFF], at: 446 + 16 * index).little(lba, at: 454 + 16 * index)
      .little(UInt32(100), at: 458 + 16 * index)
  }
}

import ImageFormats
import Model

extension FormatCase {
  /// VHD, VHDX and VDI.
  static var virtualDisks: [FormatCase] {
    let (dynamic, fixed, vhdx, vdi) = (Samples.dynamicVHD(), Samples.fixedVHD(), Samples.vhdx(), Samples.vdi())
    let (table, metadata) = (192 << 10, 1 << 20)
    let values = metadata + 65536
    return [
      FormatCase("VHD with a parent", .vhd, Samples.dynamicVHD(type: 4), .formatRefused, "backing file"),
      FormatCase("VHD of an unknown type", .vhd, Samples.dynamicVHD(type: 5), .formatRefused, "type 5"),
      FormatCase("VHD without its header", .vhd, dynamic.with("x", at: 512), .formatRefused, "header"),
      FormatCase("VHD with its header before it", .vhd, dynamic.big(UInt64(256), at: 16), .formatRefused, "header"),
      FormatCase("VHD with few blocks", .vhd, dynamic.big(UInt32(1), at: 540), .formatRefused, "fewer"),
      FormatCase("VHD with odd blocks", .vhd, dynamic.big(UInt32(3 << 20), at: 544), .formatRefused, "blocks of"),
      FormatCase("VHD with its table behind the end", .vhd, dynamic.big(UInt64(1 << 40), at: 528), .formatRefused, "table"),
      FormatCase("VHD without its footer", .vhd, dynamic.prefix(2048), .formatRefused, "footer"),
      FormatCase("VHD with two sizes", .vhd, dynamic.big(UInt64(2 << 20), at: 2048 + 48), .formatRefused, "contradict"),
      FormatCase("VHD of two types", .vhd, dynamic.big(UInt32(4), at: 2048 + 60), .formatRefused, "contradict"),
      FormatCase("H22 VHD", .vhd, dynamic.big(UInt64.max, at: 48), .formatRefused, "2^62"),
      FormatCase(
        "fixed VHD of another size", .vhd, fixed.prefix(512).appending(Samples.vhdFooter(type: 2, dataOffset: .max, size: 1024)),
        .formatRefused, "lie before it"),
      FormatCase("fixed VHD with a wrong sum", .vhd, fixed.big(UInt32(7), at: fixed.size - 448), .formatRefused, "checksum"),
      FormatCase("W15 fixed VHD claimed raw", .raw, fixed, .formatMismatch, "content is vhd"),
      FormatCase("raw that ends with a broken footer", .raw, fixed.big(UInt32(7), at: fixed.size - 448)),
      FormatCase(
        "raw that ends with another disk's footer", .raw, Samples.disk().appending(Samples.vhdFooter(type: 2, dataOffset: .max, size: 512))),
      FormatCase("raw claimed VHD", .vhd, Sample(size: 1 << 20), .formatMismatch, "content is raw"),
      FormatCase("a fixed VHD has partitions", .vhd, Samples.entry(fixed.with([0x55, 0xAA], at: 510), 0, type: 0x83, lba: 2048)),
      FormatCase("a fixed VHD of a qcow2", .vhd, fixed.with(Array("QFI".utf8) + [0xFB], at: 0), .formatMismatch, "qcow2"),

      FormatCase("VHDX fixed", .vhdx, Samples.vhdx(flags: 1)),
      FormatCase("VHDX with a parent", .vhdx, Samples.vhdx(flags: 2), .formatRefused, "backing file"),
      FormatCase(
        "VHDX with a parent's place", .vhdx, vhdx.with(Samples.guid("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C"), at: metadata + 96),
        .formatRefused, "backing file"),
      FormatCase("VHDX without regions", .vhdx, vhdx.with("x", at: table), .formatRefused, "table of regions"),
      FormatCase("VHDX with 2048 regions", .vhdx, vhdx.little(UInt32(2048), at: table + 8), .formatRefused, "table of regions"),
      FormatCase("VHDX with an unknown region", .vhdx, vhdx.with([9], at: table + 16), .formatRefused, "region that is required"),
      FormatCase(
        "VHDX without blocks", .vhdx, vhdx.with([9], at: table + 16).little(UInt32(0), at: table + 44), .formatRefused, "missing"),
      FormatCase(
        "VHDX with a region twice", .vhdx, vhdx.with(Samples.guid("8B7CA206-4790-4B9A-B8FE-575F050F886E"), at: table + 16), .formatRefused,
        "twice"),
      FormatCase("VHDX with metadata in its header", .vhdx, vhdx.little(UInt64(0), at: table + 64), .formatRefused, "none can be"),
      FormatCase("VHDX with metadata behind the end", .vhdx, vhdx.little(UInt64(1) << 61, at: table + 64), .formatRefused, "ends"),
      FormatCase("VHDX with blocks behind the end", .vhdx, vhdx.little(UInt64(1) << 61, at: table + 32), .formatRefused, "regions"),
      FormatCase("VHDX without metadata", .vhdx, vhdx.with("x", at: metadata), .formatRefused, "table of metadata"),
      FormatCase("VHDX with 2048 items", .vhdx, vhdx.little(UInt16(2048), at: metadata + 10), .formatRefused, "table of metadata"),
      FormatCase("VHDX with an unknown item", .vhdx, vhdx.with([9], at: metadata + 160), .formatRefused, "item that is required"),
      FormatCase("VHDX with an item that may be unknown", .vhdx, vhdx.with([9], at: metadata + 160).little(UInt32(0), at: metadata + 184)),
      FormatCase("H21 VHDX size of 16 bytes", .vhdx, vhdx.little(UInt32(16), at: metadata + 84), .formatRefused, "16 bytes instead of 8"),
      FormatCase("VHDX without size", .vhdx, vhdx.little(UInt16(1), at: metadata + 10), .formatRefused, "virtual size is missing"),
      FormatCase("VHDX with an item in the table", .vhdx, vhdx.little(UInt32(32), at: metadata + 80), .formatRefused, "outside"),
      FormatCase("VHDX with items on each other", .vhdx, vhdx.little(UInt32(65540), at: metadata + 80), .formatRefused, "overlap"),
      FormatCase("VHDX of size 0", .vhdx, vhdx.little(UInt64(0), at: values + 8), .formatRefused, "virtual size of 0"),
      FormatCase("H22 VHDX", .vhdx, vhdx.little(UInt64(1) << 47, at: values + 8), .formatRefused, "virtual size"),
      FormatCase("VHDX with odd blocks", .vhdx, vhdx.little(UInt32(3 << 20), at: values), .formatRefused, "blocks of"),
      FormatCase("VHDX with odd sectors", .vhdx, vhdx.little(UInt32(513), at: values + 32), .formatRefused, "sectors of"),

      FormatCase("VDI fixed", .vdi, vdi.little(UInt32(2), at: 0x4C)),
      FormatCase("VDI difference", .vdi, vdi.little(UInt32(4), at: 0x4C), .formatRefused, "backing file"),
      FormatCase("VDI with a parent", .vdi, vdi.with([1], at: 0x1B8), .formatRefused, "backing file"),
      FormatCase("VDI undo file", .vdi, vdi.little(UInt32(3), at: 0x4C), .formatRefused, "type 3"),
      FormatCase("VDI version 2", .vdi, vdi.little(UInt32(0x0002_0000), at: 0x44), .formatRefused, "version 2.0"),
      FormatCase("VDI sectors", .vdi, vdi.little(UInt32(4096), at: 0x168), .formatRefused, "sectors"),
      FormatCase("VDI with few blocks", .vdi, vdi.little(UInt32(3), at: 0x180), .formatRefused, "fewer"),
      FormatCase("VDI with too many blocks", .vdi, vdi.little(UInt32(5), at: 0x184), .formatRefused, "allocated"),
      FormatCase("VDI map in the header", .vdi, vdi.little(UInt32(0), at: 0x154), .formatRefused, "behind the header"),
      FormatCase("VDI cut", .vdi, vdi.prefix(1 << 20), .formatRefused, "end before its blocks"),
      FormatCase("H22 VDI", .vdi, vdi.little(UInt64.max, at: 0x170), .formatRefused, "2^62"),
    ]
  }
}

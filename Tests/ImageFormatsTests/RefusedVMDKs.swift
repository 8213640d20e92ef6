import ImageFormats
import Model

extension FormatCase {
  /// H7 to H12 and H18.
  static var vmdks: [FormatCase] {
    let good = Samples.vmdk()
    var cases: [FormatCase] = [
      FormatCase("H7 type in other letters", .vmdk, Samples.vmdk(type: "MONOLITHICSPARSE")),
      FormatCase("lines end as in Windows", .vmdk, Samples.vmdk(lines: "encoding=\"UTF-8\"\r")),
      FormatCase("an extent that nobody may read", .vmdk, Samples.vmdk(extent: "NOACCESS 2048 SPARSE \"x.vmdk\"")),
      FormatCase("H8 monolithicFlat", .vmdk, Samples.vmdk(type: "monolithicFlat"), .formatRefused, "'monolithicFlat'"),
      FormatCase("H8 no type", .vmdk, Samples.vmdk(type: ""), .formatRefused, "createType"),
      FormatCase("H9 descriptor elsewhere", .vmdk, good.little(UInt64(2), at: 28), .formatRefused, "behind its header"),
      FormatCase("descriptor beyond the end", .vmdk, good.little(UInt64(128), at: 36), .formatRefused, "within its descriptor"),
      FormatCase("no descriptor", .vmdk, good.little(UInt64(0), at: 36), .formatRefused, "behind its header"),
      FormatCase("H11 extent at a path", .vmdk, Samples.vmdk(extent: "RW 2048 SPARSE \"/etc/passwd\""), .formatRefused, "path"),
      FormatCase("extent at a path of Windows", .vmdk, Samples.vmdk(extent: #"RW 2048 SPARSE "..\x""#), .formatRefused, "path"),
      FormatCase("flat extent", .vmdk, Samples.vmdk(extent: "RW 2048 FLAT \"secret\" 0"), .formatRefused, "type flat"),
      FormatCase(
        "two extents", .vmdk, Samples.vmdk(extent: "RW 1024 SPARSE \"a\"\nRW 1024 SPARSE \"b\""), .formatRefused, "2 extents"),
      FormatCase("H11 no extents", .vmdk, Samples.vmdk(extent: ""), .formatRefused, "no extent"),
      FormatCase("malformed extent", .vmdk, Samples.vmdk(extent: "RW many SPARSE \"a\""), .formatRefused, "malformed extent"),
      FormatCase("extent without a name", .vmdk, Samples.vmdk(extent: "RW 2048 SPARSE"), .formatRefused, "malformed extent"),
      FormatCase("H11 unknown line", .vmdk, Samples.vmdk(lines: "look elsewhere"), .formatRefused, "not known"),
      FormatCase("a second type", .vmdk, Samples.vmdk(lines: "createType=\"vmfs\""), .formatRefused, "more than one"),
      FormatCase("a type in a comment", .vmdk, Samples.vmdk(lines: "# createType=\"vmfs\""), .formatRefused, "more than one"),
      FormatCase("parent's name", .vmdk, Samples.vmdk(lines: "parentFileNameHint=\"base\""), .formatRefused, "backing file"),
      FormatCase("parent's name in a comment", .vmdk, Samples.vmdk(lines: "#parentFileNameHint=\"b\""), .formatRefused, "backing file"),
      FormatCase("parent's id", .vmdk, Samples.vmdk(parent: "3f2a1b01"), .formatRefused, "backing file"),
      FormatCase("not ASCII", .vmdk, good.with([0xC3, 0xA4], at: 520), .formatRefused, "ASCII"),
      FormatCase("a line without end", .vmdk, Samples.vmdk(lines: String(repeating: "a", count: 5000)), .formatRefused, "4096"),
      FormatCase("no size", .vmdk, good.little(UInt64(0), at: 12), .formatRefused, "size"),
      FormatCase("H22 size", .vmdk, good.little(UInt64(1) << 54, at: 12), .formatRefused, "size"),
      FormatCase("version 0", .vmdk, good.little(UInt32(0), at: 4), .formatRefused, "version 0"),
      FormatCase("version 4", .vmdk, good.little(UInt32(4), at: 4), .formatRefused, "version 4"),
      FormatCase("directory behind the end", .vmdk, good.little(UInt64(1) << 40, at: 56), .formatRefused, "metadata"),
      FormatCase("H18 descriptor alone", .vmdk, good.with("# Disk DescriptorFile\n", at: 0), .formatRefused, "without its binary header"),
      FormatCase("H18 old sparse extent", .vmdk, good.with("COWD", at: 0), .formatRefused, "without its binary header"),
      FormatCase(
        "H18 text with a type", .vmdk, Sample(Array("version=1\ncreateType=\"vmfs\"\n".utf8)), .formatRefused, "without its binary header"),
      FormatCase(
        "a type far behind", .raw, Sample(Array((String(repeating: "x\n", count: 20000) + "createType=\"vmfs\"\n").utf8)), .formatMismatch,
        "content is vmdk"),
      FormatCase("plain text", .raw, Sample(Array(String(repeating: "words\n", count: 20000).utf8))),
      FormatCase("H12 no footer", .vmdk, good.little(UInt64.max, at: 56), .formatRefused, "footer"),
      FormatCase("policy allows", .vmdk, Samples.vmdk(type: "vmfsSparse")).under { $0.vmdkSubformats = ["VMFSSPARSE"] },
      FormatCase("policy allows none", .vmdk, good, .formatRefused, "does not allow").under { $0.vmdkSubformats = [] },
    ]
    let stream = Samples.streamOptimized()
    let end = stream.size
    // H12, field by field: the marker before the footer, the footer, and the marker of the end.
    let damage: [(String, Sample)] = [
      ("marker's size", stream.little(UInt32(1), at: end - 1528)), ("marker's type", stream.little(UInt32(2), at: end - 1524)),
      ("marker's rest", stream.with([1], at: end - 1030)), ("signature", stream.with("XDMV", at: end - 1024)),
      ("version", stream.little(UInt32(3), at: end - 1020)), ("capacity", stream.little(UInt64(4096), at: end - 1012)),
      ("descriptor's place", stream.little(UInt64(3), at: end - 996)), ("descriptor's size", stream.little(UInt64(3), at: end - 988)),
      ("another footer", stream.little(UInt64.max, at: end - 968)), ("end's value", stream.little(UInt64(1), at: end - 512)),
      ("end's size", stream.little(UInt32(1), at: end - 504)), ("end's type", stream.little(UInt32(1), at: end - 500)),
      ("end's rest", stream.with([1], at: end - 1)), ("a byte more", stream.appending([0])),
    ]
    cases += damage.map { FormatCase("H12 \($0.0)", .vmdk, $0.1, .formatRefused, "VMDK") }
    return cases
  }
}

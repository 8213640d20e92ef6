import ImageFormats
import Model
import Testing

@Suite struct FormatInspectorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let claimed: DiskFormat
    let bytes: [UInt8]
    /// What is expected: nil for acceptance.
    let code: ErrorCode?
    /// A word that the sentence must have.
    let word: String

    init(_ name: String, _ claimed: DiskFormat, _ bytes: [UInt8], _ code: ErrorCode? = nil, _ word: String = "") {
      testDescription = name
      self.claimed = claimed
      self.bytes = bytes
      self.code = code
      self.word = word
    }
  }

  static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  static let sector = zeros(4096)
  static let magic = Array("QFI".utf8) + [0xFB]

  /// H1 to H5 and the values that QEMU would not open.
  static func qcow2Cases() throws -> [Case] {
    let good = try MemoryFile.qcow2()
    // The same with version 2: its header ends at 72, what follows is the end of extensions.
    let v2 = (good.with(UInt32(2), at: 4).prefix(72) + zeros(48) + good.dropFirst(120)).map(\.self)
    var cases: [Case] = [
      Case("H1 v3", .qcow2, good),
      Case("H1 v2", .qcow2, v2),
      Case("H2 backing file", .qcow2, good.with(UInt64(200), at: 8).with(UInt32(5), at: 16), .formatRefused, "backing file"),
      Case("H2 backing file, v2", .qcow2, v2.with(UInt64(200), at: 8), .formatRefused, "backing file"),
      Case("H3 data file bit", .qcow2, good.with(UInt64(4), at: 72), .formatRefused, "external data file"),
      Case(
        "H3 data file extension", .qcow2, good.with(UInt32(0x4441_5441), at: 112).with(UInt32(3), at: 116).with("/x", at: 120),
        .formatRefused, "external data file"),
      Case("v2 has no feature bits", .qcow2, v2.with(UInt64(0), at: 72)),
      Case("H4 dirty", .qcow2, good.with(UInt64(1), at: 72)),
      Case("H4 corrupt", .qcow2, good.with(UInt64(2), at: 72), .formatRefused, "corrupt"),
      Case("H4 extended L2", .qcow2, good.with(UInt64(16), at: 72), .formatRefused, "extended L2"),
      Case("H4 bit 7", .qcow2, good.with(UInt64(1 << 7), at: 72), .formatRefused, "bit 7"),
      Case("H4 bit 63", .qcow2, good.with(UInt64(1) << 63, at: 72), .formatRefused, "bit 63"),
      Case("unknown compatible bits are ignored", .qcow2, good.with(UInt64.max, at: 80)),
      Case("zstd", .qcow2, good.with(UInt64(8), at: 72).with(UInt8(1), at: 104)),
      Case("compression bit without type", .qcow2, good.with(UInt64(8), at: 72), .formatRefused, "compression"),
      Case("compression type without bit", .qcow2, good.with(UInt8(1), at: 104), .formatRefused, "compression"),
      Case("unknown compression", .qcow2, good.with(UInt64(8), at: 72).with(UInt8(2), at: 104), .formatRefused, "compression type 2"),
      Case("encrypted", .qcow2, good.with(UInt32(2), at: 32), .formatRefused, "encrypted"),
      Case(
        "encryption header without encryption", .qcow2, good.with(UInt32(0x0537_BE77), at: 112).with(UInt32(16), at: 116), .formatRefused,
        "encryption"),
      Case("unknown extension is ignored", .qcow2, good.with(UInt32(0x1234_5678), at: 112).with(UInt32(13), at: 116)),
      Case(
        "extension beyond the cluster", .qcow2, good.with(UInt32(0x1234_5678), at: 112).with(UInt32.max, at: 116), .formatRefused,
        "extension"),
    ]
    for version: UInt32 in [0, 1, 4, .max] {
      cases.append(Case("H5 version \(version)", .qcow2, good.with(version, at: 4), .formatRefused, "version \(version)"))
    }
    for bits: UInt32 in [0, 8, 22, .max] {
      cases.append(Case("cluster bits \(bits)", .qcow2, good.with(bits, at: 20), .formatRefused, "cluster_bits"))
    }
    cases += [
      Case("H22 2^62 + 512 bytes", .qcow2, good.with((UInt64(1) << 62) + 512, at: 24), .formatRefused, "2^62"),
      Case("H22 2^64 - 1 bytes", .qcow2, good.with(UInt64.max, at: 24), .formatRefused, "2^62"),
      Case("L1 too small for the size", .qcow2, good.with(UInt64(1) << 40, at: 24), .formatRefused, "L1"),
      Case("L1 of more than 32 MiB", .qcow2, good.with(UInt32((4 << 20) + 1), at: 36), .formatRefused, "L1"),
      Case("L1 in the header", .qcow2, good.with(UInt64(0), at: 40), .formatRefused, "L1"),
      Case("L1 at no cluster", .qcow2, good.with(UInt64(65537), at: 40), .formatRefused, "cluster"),
      Case("L1 beyond the file", .qcow2, good.with(UInt64(1 << 40), at: 40), .formatRefused, "L1"),
      Case("L1 beyond 2^62", .qcow2, good.with(UInt64.max - 65535, at: 40), .formatRefused, "L1"),
      Case("no refcount table", .qcow2, good.with(UInt32(0), at: 56), .formatRefused, "refcount"),
      Case("refcount table of more than 8 MiB", .qcow2, good.with(UInt32(129), at: 56), .formatRefused, "refcount"),
      Case("refcount table beyond the file", .qcow2, good.with(UInt64(1 << 40), at: 48), .formatRefused, "refcount"),
      Case("refcount order 7", .qcow2, good.with(UInt32(7), at: 96), .formatRefused, "refcount_order"),
      Case("too many snapshots", .qcow2, good.with(UInt32(65537), at: 60), .formatRefused, "snapshots"),
      Case("header length 0", .qcow2, good.with(UInt32(0), at: 100), .formatRefused, "length"),
      Case("header length 105", .qcow2, good.with(UInt32(105), at: 100), .formatRefused, "length"),
      Case("header length beyond the cluster", .qcow2, good.with(UInt32(65544), at: 100), .formatRefused, "length"),
      Case("cut by one byte", .qcow2, good.dropLast(), .formatRefused, "end before"),
      Case("an ISO at once", .qcow2, good.with("CD001", at: 32769), .formatMismatch, "qcow2 and iso at once"),
      Case("H19 qcow2 claimed raw", .raw, good, .formatMismatch, "content is qcow2"),
    ]
    for length in [4, 72, 103, 104, 112, 400, 512, 65535] {
      cases.append(Case("H20 first \(length) bytes", .qcow2, Array(good.prefix(length)), .formatRefused, "damaged"))
      cases.append(Case("H20 first \(length) bytes as raw", .raw, Array(good.prefix(length)), .formatMismatch, "qcow2"))
    }
    return cases
  }

  /// Other formats under both claims, and raw.
  static func otherCases() -> [Case] {
    var cases: [Case] = []
    let others: [(String, [UInt8])] = [
      ("vmdk", sector.with("KDMV", at: 0)), ("vmdk", sector.with("COWD", at: 0)), ("vmdk", sector.with("# Disk DescriptorFile\n", at: 0)),
      ("vmdk", sector.with("# mine\nversion=1\r\ncreateType=\"monolithicFlat\"\n", at: 0)),
      ("vhd", sector.with("conectix", at: 0)), ("vhdx", sector.with("vhdxfile", at: 0)), ("vdi", sector.with(UInt32(0x7F10_DABE), at: 64)),
      ("qed", sector.with("QED\0", at: 0)), ("luks", sector.with(UInt32(0x4C55_4B53), at: 0).with(UInt16(0xBABE), at: 4)),
    ]
    for (index, (name, bytes)) in others.enumerated() {
      cases.append(Case("\(name) \(index) claimed raw", .raw, bytes, .formatMismatch, "content is \(name)"))
      cases.append(Case("\(name) \(index) claimed qcow2", .qcow2, bytes, .formatMismatch, "claimed to be qcow2"))
    }
    cases += [
      Case("empty raw", .raw, []),
      Case("H20 empty qcow2", .qcow2, [], .formatMismatch, "content is raw"),
      Case("H20 three bytes of the magic", .qcow2, Array(magic.prefix(3)), .formatMismatch, "content is raw"),
      Case("three bytes of the magic are raw", .raw, Array(magic.prefix(3))),
      Case("H19 zeros claimed qcow2", .qcow2, zeros(200_000), .formatMismatch, "content is raw"),
      Case("zeros", .raw, zeros(200_000)),
      Case("H13 no partitions", .raw, sector.with(UInt16(0x55AA), at: 510), .formatRefused, "no partition"),
      Case("an ISO claimed raw", .raw, zeros(40960).with("CD001", at: 32769), .formatMismatch, "content is iso"),
      Case("a fixed VHD has its footer at the end", .raw, zeros(65536) + zeros(512).with("conectix", at: 0)),
      Case("a magic elsewhere than at the start", .raw, sector.with("KDMV", at: 512)),
      Case("text that speaks of createType", .raw, sector.with("the createType=\"x\" of a disk\n", at: 0)),
    ]
    return cases
  }

  static func verdict(_ item: Case, reads: Int, zeroRuns: Bool = false) -> Result<Inspection, SlipwayError> {
    Result { () throws(SlipwayError) in
      var inspector = FormatInspector(claimed: item.claimed, object: "image 1")
      var rest = item.bytes[...]
      while !rest.isEmpty {
        let piece = Array(rest.prefix(reads))
        rest = rest.dropFirst(reads)
        if zeroRuns, piece.allSatisfy({ $0 == 0 }) {
          try inspector.zeros(Int64(piece.count))
        } else {
          // Typed throws do not pass through withUnsafeBytes.
          var thrown: SlipwayError?
          piece.withUnsafeBytes { bytes in
            do throws(SlipwayError) { try inspector.update(bytes) } catch { thrown = error }
          }
          if let thrown { throw thrown }
        }
      }
      return try inspector.finish()
    }
  }

  @Test(arguments: try qcow2Cases() + otherCases())
  func verdicts(_ item: Case) {
    switch FormatInspectorTests.verdict(item, reads: 1 << 20) {
    case .success(let inspection):
      #expect(item.code == nil)
      #expect(inspection.format == item.claimed)
      #expect(inspection.storedSize == Int64(item.bytes.count))
      #expect(inspection.virtualSize == (item.claimed == .raw ? Int64(item.bytes.count) : 1 << 20))
    case .failure(let error):
      #expect(error.code == item.code, "\(error)")
      #expect(error.message.contains(item.word), "\(error)")
      #expect(error.object == "image 1")
    }
  }

  @Test(arguments: try qcow2Cases() + otherCases())
  func theVerdictDoesNotDependOnTheReads(_ item: Case) async {
    let expected = FormatInspectorTests.verdict(item, reads: 1 << 20)
    for reads in [1, 17, 512, 4096, 65536] {
      await Task.yield()  // others run beside this, on as few threads
      // One byte at a time is slow; nothing changes after the first 64 KiB but the size.
      let item = reads == 1 ? Case("", item.claimed, Array(item.bytes.prefix(70_000)), nil) : item
      let expected = reads == 1 ? FormatInspectorTests.verdict(item, reads: 1 << 20) : expected
      let found = FormatInspectorTests.verdict(item, reads: reads)
      #expect(describe(found) == describe(expected), "reads of \(reads)")
      #expect(describe(FormatInspectorTests.verdict(item, reads: reads, zeroRuns: true)) == describe(expected), "zeros of \(reads)")
    }
  }

  private func describe(_ result: Result<Inspection, SlipwayError>) -> String {
    switch result {
    case .success(let inspection): "\(inspection)"
    case .failure(let error): "\(error.code) \(error)"
    }
  }

  @Test func aRefusalComesWithTheFirst512Bytes() throws {
    for item in try FormatInspectorTests.qcow2Cases()
    where ["H2 backing file", "H5 version 1", "H19 qcow2 claimed raw"].contains(item.testDescription) {
      var inspector = FormatInspector(claimed: item.claimed, object: "x")
      let first = try #require(throws: SlipwayError.self) {
        try Array(item.bytes.prefix(512)).withUnsafeBytes { try inspector.update($0) }
      }
      // And it stays.
      #expect(first.code == item.code)
      #expect(throws: SlipwayError.self) { try inspector.zeros(1) }
      #expect(throws: SlipwayError.self) { try inspector.finish() }
    }
  }

  @Test func longRunsOfZerosCountWithoutBeingStored() throws {
    var inspector = FormatInspector(claimed: .raw, object: "x")
    try inspector.zeros(1 << 50)
    try inspector.zeros(3)
    #expect(try inspector.finish().virtualSize == (1 << 50) + 3)
  }

  @Test func aClaimOfAnotherFormatIsRefused() {
    for claim in ["qed", "RAW", "", nil] {
      let error = #expect(throws: SlipwayError.self) { try DiskFormat(claimed: claim, object: "image 1") }
      #expect(error?.code == .formatRefused)
    }
  }
}

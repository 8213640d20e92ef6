import ImageFormats
import Model
import TestSupport
import Testing

/// Every format but qcow2, made by hand: what passes, what is refused and why, whole, cut and damaged.
@Suite(.serialized) struct FormatTests {
  static let cases = FormatCase.sound + FormatCase.vmdks + FormatCase.virtualDisks + FormatCase.sectors
  /// An inspector may hold a window of each format and no more.
  static let bound = 200_000

  @Test func soundImagesAreFoundWithTheirKindAndSize() {
    let expected: [String: (String?, Int64, Inspection.PartitionTable?)] = [
      "vmdk": ("monolithicSparse", 1 << 20, nil), "streamOptimized": ("streamOptimized", 1 << 20, nil),
      "dynamic vhd": ("dynamic", 4 << 20, nil), "fixed vhd": ("fixed", 1 << 20, nil), "vhdx": ("dynamic", 8 << 20, nil),
      "vdi": ("dynamic", 4 << 20, nil), "iso": ("iso9660", 40960, nil), "luks 1": ("v1", 65536, nil), "luks 2": ("v2", 65536, nil),
      "mbr": (nil, 1 << 20, .mbr), "gpt": (nil, 1 << 20, .gpt),
    ]
    for item in FormatCase.sound {
      let verdict = item.sample.verdict(claimed: item.claimed)
      let told = expected[item.testDescription]
      #expect(verdict.inspection?.format == item.claimed, "\(item.testDescription): \(verdict)")
      #expect(verdict.inspection?.subformat == told?.0, "\(item.testDescription)")
      #expect(verdict.inspection?.virtualSize == told?.1, "\(item.testDescription)")
      #expect(verdict.inspection?.partitions == told?.2, "\(item.testDescription)")
      #expect(verdict.inspection?.storedSize == Int64(item.sample.size), "\(item.testDescription)")
      // Where nobody claims anything, the same is found.
      #expect(item.sample.verdict(claimed: nil).description == verdict.description, "\(item.testDescription)")
    }
  }

  @Test(arguments: cases) func verdicts(_ item: FormatCase) {
    let verdict = item.sample.verdict(claimed: item.claimed, policy: item.policy)
    #expect(verdict.error?.code == item.code, "\(verdict)")
    if let error = verdict.error {
      #expect(error.message.contains(item.word), "\(error)")
      #expect(error.object == "image 1")
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: cases) func theVerdictDoesNotDependOnTheReads(_ item: FormatCase) async {
    let expected = item.sample.verdict(claimed: item.claimed, reads: 1 << 20, policy: item.policy)
    // One byte at a time is slow, and so are zeros that are stored: not for every case.
    for reads in (item.code == nil ? [1] : []) + [7, 512, 65536] {
      await Task.yield()  // others run beside this, on as few threads
      let found = item.sample.verdict(claimed: item.claimed, reads: reads, isStored: reads > 500, policy: item.policy)
      #expect(found.description == expected.description, "reads of \(reads)")
      #expect(found.buffered < Self.bound, "reads of \(reads)")
    }
  }

  @Test func everyClaimButTheTrueOneIsRefused() {
    for item in FormatCase.sound {
      for claim in DiskFormat.allCases where claim != item.claimed {
        let verdict = item.sample.verdict(claimed: claim)
        #expect(verdict.error?.code == .formatMismatch, "\(item.testDescription) as \(claim): \(verdict)")
        #expect(verdict.error?.message.contains("claimed to be \(claim)") == true, "\(verdict)")
      }
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: FormatCase.sound) func cutImagesAreRefusedOrWhatTheirBytesAre(_ item: FormatCase) async {
    let size = item.sample.size
    var lengths = [0, 1, 3, 8, 63, 64, 400, 511, 512, 513, 591, 592, 1023, 1536, 2047, size - 1536, size - 513, size - 512, size - 1]
    for part in item.sample.parts { lengths += [part.offset, part.offset + 1, part.offset + part.bytes.count / 2] }
    lengths += [32768, 32774, 34815, 65535, 65536, 196_608, 262_143, 1 << 20, (1 << 20) + 65536]
    for length in Set(lengths) where length >= 0 && length < size {
      await Task.yield()
      let cut = item.sample.prefix(length)
      let verdict = cut.verdict(claimed: item.claimed)
      #expect(cut.verdict(claimed: item.claimed, reads: 7).description == verdict.description, "\(length) bytes")
      // Sectors have no end that could be missing, and neither has what is encrypted.
      let mayBeCut = item.claimed == .raw || item.claimed == .iso || item.claimed == .luks
      #expect(mayBeCut || verdict.error != nil, "\(length) of \(size) bytes: \(verdict)")
      // And what is left of it is never taken for raw while its magic is there.
      let asRaw = cut.verdict(claimed: .raw)
      #expect(asRaw.inspection == nil || asRaw.inspection?.format == .raw, "\(length) bytes")
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: FormatCase.sound) func damagedImagesAreRefusedOrRead(_ item: FormatCase) async {
    var (read, refused) = (0, 0)
    for seed in UInt64(0)..<60 {
      await Task.yield()
      var generator = SplitMix64(seed: seed)
      var sample = item.sample
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        guard let part = sample.parts.randomElement(using: &generator) else { return }
        let place = Int.random(in: 0..<part.bytes.count, using: &generator)
        let words: [[UInt8]] = [
          [part.bytes[place] ^ 1 << UInt8.random(in: 0..<8, using: &generator)], [UInt8.random(in: 0...255, using: &generator)],
          [UInt8](repeating: 0xFF, count: 8), [UInt8](repeating: 0, count: 4), [0, 0, 0, 0, 0, 0, 0, 0x40],
        ]
        let word = words.randomElement(using: &generator) ?? []
        sample = sample.with(Array(word.prefix(sample.size - part.offset - place)), at: part.offset + place)
      }
      let claim = Bool.random(using: &generator) ? item.claimed : DiskFormat.allCases.randomElement(using: &generator)
      let verdict = sample.verdict(claimed: claim)
      let other = sample.verdict(claimed: claim, reads: Int.random(in: 1...700, using: &generator))
      #expect(other.description == verdict.description, "seed \(seed)")
      #expect(verdict.buffered < Self.bound && other.buffered < Self.bound, "seed \(seed)")
      if verdict.error == nil { read += 1 } else { refused += 1 }
    }
    // The damage must be of both kinds, else this tests nothing.
    #expect(read > 0 && refused > 0, "\(read) read, \(refused) refused")
  }

  @Test func aLongDescriptorIsReadInPieces() {
    // H10: it says that it is 2 MiB, of which no more is read than QEMU reads, and no more held than a window.
    let lines = String(repeating: "# \(String(repeating: "a comment ", count: 100))\n", count: 600)
    let long = Samples.vmdk(lines: lines).little(UInt64(4096), at: 36).little(UInt64(2048), at: 56).appending(
      [UInt8](repeating: 0, count: 1 << 20))
    let verdict = long.verdict(claimed: .vmdk, reads: 4096)
    #expect(verdict.inspection?.subformat == "monolithicSparse", "\(verdict)")
    #expect(verdict.buffered < Self.bound)
    let endless = Samples.header(Sample(size: 4 << 20), at: 0, directory: 26).little(UInt64(8192), at: 36)
      .with(String(repeating: "# \(String(repeating: "a comment ", count: 100))\n", count: 1200), at: 512)
    #expect(endless.verdict(claimed: .vmdk).error?.code == .formatRefused)
  }

  @Test(arguments: [("win ", 3), ("qem2", 3), ("tap\0", 3), ("vpc ", 0), ("qemu", 0)]) func aVHDsSizeIsWhatQEMUShows(
    creator: String, sectors: Int
  ) {
    // The geometry of the sample says 2 cylinders, 4 heads, 10 sectors.
    let size = UInt64(sectors == 0 ? 2 * 4 * 10 * 512 : 4 << 20)
    let footer = Samples.vhdFooter(type: 3, dataOffset: 512, size: 4 << 20, creator: creator)
    let verdict = Samples.dynamicVHD().with(footer, at: 0).with(footer, at: 2048).verdict(claimed: .vhd)
    #expect(verdict.inspection?.virtualSize == Int64(size), "\(verdict)")
  }

  @Test func aPebibyteOfZerosIsCountedAndNotStored() {
    let verdict = Sample(size: 1 << 50).verdict(claimed: .raw)
    #expect(verdict.inspection?.virtualSize == 1 << 50)
    #expect(Sample(size: 1 << 50).verdict(claimed: .vhdx).error?.code == .formatMismatch)
  }
}

internal import Model

/// Plain sectors: what nothing else is. Looks at how they are divided.
struct RawMachine: FormatMachine {
  let format = DiskFormat.raw
  private(set) var window: Range<Int64>? = Windows.sector
  /// Never said: it is present where all others are absent.
  let isPresent: Bool? = false
  let traits = FormatTraits()
  private(set) var boot = BootSector([])

  mutating func take(_ bytes: [UInt8]) {
    window = nil
    boot = BootSector(bytes)
  }

  mutating func finish(size: Int64, tail: [UInt8]) {}
}

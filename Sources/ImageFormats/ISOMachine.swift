internal import Model

/// ISO 9660 by its first volume descriptor, at 32 KiB, or UDF in its place (oslo.utils `ISOInspector`). The bytes are sectors as they are.
struct ISOMachine: FormatMachine {
  let format = DiskFormat.iso
  private let object: String
  private(set) var window: Range<Int64>? = 32768..<34816
  private(set) var isPresent: Bool?
  private(set) var traits = FormatTraits()

  init(object: String) { self.object = object }

  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) {
    window = nil
    let isISO = bytes.has("CD001".utf8, at: 1)
    isPresent = isISO || bytes.has("NSR02".utf8, at: 1) || bytes.has("NSR03".utf8, at: 1)
    guard isPresent == true else { return }
    traits.subformat = isISO ? "iso9660" : "udf"
    guard bytes.count == 2048 else { throw .damaged(object, "ISO", "it ends within its volume descriptor") }
  }

  mutating func finish(size: Int64, tail: [UInt8]) {}
}

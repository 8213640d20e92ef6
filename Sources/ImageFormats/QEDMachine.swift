internal import Model

/// QED, which nobody maintains and everybody refuses (case H6; oslo.utils `QEDInspector`).
struct QEDMachine: FormatMachine {
  let format = DiskFormat.qed
  let object: String
  private(set) var window: Range<Int64>? = Windows.sector
  private(set) var isPresent: Bool?
  let traits = FormatTraits()

  init(object: String) { self.object = object }

  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) {
    window = nil
    isPresent = bytes.has(Array("QED".utf8) + [0])
    guard isPresent == true else { return }
    throw .formatRefused(object, "is a QED image, and that format is never accepted", hint: "convert it with qemu-img convert -O qcow2")
  }

  mutating func finish(size: Int64, tail: [UInt8]) {}
}

internal import Model

/// qcow2, versions 2 and 3: header and header extensions (cases H1 to H5; oslo.utils `QcowInspector`, and what QEMU would not open).
struct Qcow2Machine: FormatMachine {
  let format = DiskFormat.qcow2
  private let object: String
  private let policy: InspectionPolicy
  private(set) var window: Range<Int64>? = Windows.sector
  private(set) var isPresent: Bool?
  private(set) var traits = FormatTraits()
  private var head: [UInt8] = []

  init(object: String, policy: InspectionPolicy) {
    self.object = object
    self.policy = policy
  }

  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) {
    window = nil
    if let header = traits.header {
      defer { head = [] }
      try header.requireHarmlessExtensions(head + bytes, object: object)
      return
    }
    isPresent = bytes.has(Array("QFI".utf8) + [0xFB])
    guard isPresent == true else { return }
    let header = try Qcow2Header(parsing: bytes, object: object)
    traits = FormatTraits(virtualSize: header.virtualSize, subformat: "v\(header.version)", header: header)
    try header.requireSelfContained(object: object, allowingExtendedL2: policy.allowsExtendedL2)
    head = bytes
    window = Int64(bytes.count)..<Int64(Qcow2Header.window)
  }

  mutating func finish(size: Int64, tail: [UInt8]) throws(SlipwayError) {
    try traits.header?.requireFits(fileSize: size, object: object)
  }
}

internal import Model

/// LUKS 1 and 2, big-endian (cryptsetup's on-disk formats; case H16; oslo.utils `LUKSInspector`, which knows version 1 alone).
struct LUKSMachine: FormatMachine {
  let format = DiskFormat.luks
  private let object: String
  private let policy: InspectionPolicy
  /// The header of version 1 with its eight key slots.
  private(set) var window: Range<Int64>? = 0..<592
  private(set) var isPresent: Bool?
  private(set) var traits = FormatTraits()
  /// Where the encrypted disk begins.
  private var payload: UInt64?
  private var segments = LUKSSegments()

  init(object: String, policy: InspectionPolicy) {
    self.object = object
    self.policy = policy
  }

  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) {
    if isPresent == true { return try takeMetadata(bytes) }
    window = nil
    isPresent = bytes.has(Array("LUKS".utf8) + [0xBA, 0xBE])
    guard isPresent == true else { return }
    guard bytes.count == 592 else { throw damaged("it ends within its header") }
    let version = bytes.big16(6)
    traits.subformat = "v\(version)"
    switch version {
    case 1: try judgeVersion1(bytes)
    case 2:
      guard policy.allowsLUKS2 else {
        throw .formatRefused(object, "is a LUKS 2 container, which the policy does not allow", hint: "make it LUKS 1, or allow LUKS 2")
      }
      let size = bytes.big64(8)
      guard size >= 16384, size <= 4 << 20, size % 4096 == 0 else { throw damaged("its header of \(size) bytes is not possible") }
      segments.remaining = Int(size) - 4096
      window = 4096..<4096 + Int64(min(segments.remaining, Windows.largest))
    default: throw .formatRefused(object, "is a LUKS container of version \(version), which is not known")
    }
  }

  /// Fixed fields, then slots of 48 bytes from 208 on: state, rounds, salt, where the key lies, and stripes.
  private mutating func judgeVersion1(_ bytes: [UInt8]) throws(SlipwayError) {
    let (offset, keyBytes) = (UInt64(bytes.big32(104)), bytes.big32(108))
    guard (1...512).contains(keyBytes) else { throw damaged("a key of \(keyBytes) bytes is not possible") }
    try judge(rounds: bytes.big32(164), of: "the key's digest")
    for slot in 0..<8 {
      let place = 208 + 48 * slot
      switch bytes.big32(place) {
      case 0x0000_DEAD: continue
      case 0x00AC_71F3:
        try judge(rounds: bytes.big32(place + 4), of: "key slot \(slot)")
        // Every writer makes 4000, and QEMU takes no other number.
        guard bytes.big32(place + 44) == 4000 else { throw damaged("key slot \(slot) has \(bytes.big32(place + 44)) stripes") }
      default: throw damaged("key slot \(slot) is neither used nor free")
      }
    }
    payload = offset * 512
  }

  private func judge(rounds: UInt32, of what: String) throws(SlipwayError) {
    guard rounds <= policy.luksIterations else {
      throw .formatRefused(
        object, "is a LUKS container that demands \(rounds) rounds of hashing for \(what), more than \(policy.luksIterations)",
        hint: "set its passphrase again with fewer")
    }
  }

  /// Version 2: where the disk begins stands in JSON behind the binary header.
  private mutating func takeMetadata(_ bytes: [UInt8]) throws(SlipwayError) {
    guard let asked = window, bytes.count == asked.count else {
      window = nil
      throw damaged("it ends within its header")
    }
    window = nil
    segments.take(bytes)
    if let offset = segments.offset {
      payload = offset
    } else if segments.remaining > 0, !segments.hasEnded {
      window = asked.upperBound..<asked.upperBound + Int64(min(segments.remaining, Windows.largest))
    } else {
      throw damaged("it does not say where its data begins")
    }
  }

  mutating func finish(size: Int64, tail: [UInt8]) throws(SlipwayError) {
    guard let payload else { return }
    guard payload <= UInt64(size) else { throw damaged("its \(size) bytes end before its data begins") }
    traits.virtualSize = size - Int64(payload)
  }

  private func damaged(_ reason: String) -> SlipwayError { .damaged(object, "LUKS container", reason) }
}

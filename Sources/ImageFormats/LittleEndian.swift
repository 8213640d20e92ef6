/// Numbers as VMDK, VHDX and VDI store them (little-endian), and VHD and LUKS (big-endian).
///
/// Bytes beyond the end read as zeros: what is too short is refused by its length, and nothing that stands in a file may stop the process.
extension [UInt8] {
  func little16(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(offset, 2, isBig: false)) }
  func little32(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(offset, 4, isBig: false)) }
  func little64(_ offset: Int) -> UInt64 { number(offset, 8, isBig: false) }
  func big16(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(offset, 2, isBig: true)) }
  func big32(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(offset, 4, isBig: true)) }
  func big64(_ offset: Int) -> UInt64 { number(offset, 8, isBig: true) }

  /// Whether the bytes at `offset` are `other`; false when they are not all there.
  func has(_ other: some Collection<UInt8>, at offset: Int = 0) -> Bool { withUnsafeBytes { $0.has(other, at: offset) } }

  /// Whether all bytes of a range are zero; those beyond the end are.
  func isZero(_ range: Range<Int>) -> Bool { self[range.clamped(to: 0..<count)].allSatisfy { $0 == 0 } }

  private func number(_ offset: Int, _ length: Int, isBig: Bool) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<length {
      let place = offset + (isBig ? index : length - 1 - index)
      value = value << 8 | (indices.contains(place) ? UInt64(self[place]) : 0)
    }
    return value
  }
}

/// The 16 bytes of a GUID as Microsoft stores it: the first three groups little-endian.
func guid(_ text: StaticString) -> [UInt8] {
  let digits = text.withUTF8Buffer { $0.compactMap { UInt8(exactly: Character(UnicodeScalar($0)).hexDigitValue ?? 16) }.filter { $0 < 16 } }
  let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  return [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map { $0 < bytes.count ? bytes[$0] : 0 }
}

/// Numbers as qcow2 stores them. Callers have checked the bounds; Swift checks them again.
extension UnsafeRawBufferPointer {
  func bigEndian32(at offset: Int) -> UInt32 { UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
  func bigEndian64(at offset: Int) -> UInt64 { UInt64(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }

  /// Whether the bytes at `offset` are `bytes`; false when they are not all there.
  func has(_ bytes: some Collection<UInt8>, at offset: Int) -> Bool {
    offset >= 0 && offset <= count && count - offset >= bytes.count && self[offset..<offset + bytes.count].elementsEqual(bytes)
  }
}

extension [UInt8] {
  mutating func appendBigEndian(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  mutating func storeBigEndian(_ value: some FixedWidthInteger, at offset: Int) {
    withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: type(of: value)) }
  }
}

/// `value` rounded up to a multiple of `unit`; `value` is far from the end of the range.
func roundUp<Number: BinaryInteger>(_ value: Number, to unit: Number) -> Number { (value + unit - 1) / unit * unit }

internal import Model

/// Bytes on their way out, big-endian as the protocol has them.
struct Packed {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ value: UInt16) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
  mutating func add(_ value: UInt32) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
  mutating func add(_ value: UInt64) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
  mutating func add(_ text: String) { bytes.append(contentsOf: text.utf8) }
  mutating func add(_ more: [UInt8]) { bytes.append(contentsOf: more) }
  mutating func zeros(_ count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }
}

/// Bytes that a peer sent, read from the front; asking for more than there are is the peer's fault, not ours.
struct Unpacked {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes[...]
    position = 0
  }

  /// Bytes that were not read yet.
  var rest: Int { bytes.count - position }

  mutating func u16() throws(SlipwayError) -> UInt16 { UInt16(truncatingIfNeeded: try number(2)) }
  mutating func u32() throws(SlipwayError) -> UInt32 { UInt32(truncatingIfNeeded: try number(4)) }
  mutating func u64() throws(SlipwayError) -> UInt64 { try number(8) }

  /// The next `count` bytes as text; what is no UTF-8 is shown as such and matches no name.
  mutating func text(_ count: Int) throws(SlipwayError) -> String {
    guard count >= 0, count <= rest else { throw .violation("a message that is shorter than it says") }
    defer { position += count }
    return String(decoding: bytes[position..<position + count], as: UTF8.self)
  }

  private mutating func number(_ count: Int) throws(SlipwayError) -> UInt64 {
    guard count <= rest else { throw .violation("a message that is shorter than it says") }
    defer { position += count }
    return bytes[position..<position + count].reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension SlipwayError {
  /// The peer does not keep to the protocol; the connection cannot be used any more.
  static func violation(_ what: String) -> SlipwayError {
    SlipwayError(.sourceFailed, "the NBD peer sent \(what)", hint: "the connection was closed")
  }

  /// The peer is gone in the middle of something.
  static func hungUp(_ doing: String) -> SlipwayError {
    SlipwayError(.sourceFailed, "the NBD peer closed the connection while \(doing)")
  }
}

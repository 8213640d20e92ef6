/// Finds, in the JSON of a LUKS 2 header, where the first segment of data begins: the first `"offset":"…"` behind `"segments"`. A few words of state
/// instead of a JSON document of up to 4 MiB.
struct LUKSSegments: Sendable {
  /// Bytes of JSON that are still to come.
  var remaining = 0
  /// Where the data begins, in bytes; nil while unknown.
  private(set) var offset: UInt64?
  /// Whether the text came to its end: zeros fill the rest.
  private(set) var hasEnded = false

  private static let keys = [Array("\"segments\"".utf8), Array("\"offset\":\"".utf8)]
  private var found = 0
  private var matched = 0
  private var digits: [UInt8] = []

  mutating func take(_ bytes: [UInt8]) {
    remaining -= bytes.count
    for byte in bytes where offset == nil && !hasEnded { take(byte) }
  }

  private mutating func take(_ byte: UInt8) {
    // Blanks between words mean nothing.
    if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { return }
    if byte == 0 {
      hasEnded = true
    } else if found == Self.keys.count {
      if (0x30...0x39).contains(byte), digits.count < 19 {
        digits.append(byte)
      } else {
        offset = byte == 0x22 ? UInt64(String(decoding: digits, as: UTF8.self)) : nil
        hasEnded = true
      }
    } else {
      let key = Self.keys[found]
      // No prefix of a key recurs in it but its first quote.
      matched = key[matched] == byte ? matched + 1 : (key[0] == byte ? 1 : 0)
      if matched == key.count { (found, matched) = (found + 1, 0) }
    }
  }
}

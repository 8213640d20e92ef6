/// Standard base64 (RFC 4648 section 4), padded. White space is allowed anywhere, since people forget `base64 -w 0`; nothing else that is not of the
/// alphabet is (Python's decoder skips it, and so lets two texts mean one signature).
enum Base64 {
  /// The bytes, nil for what is no base64.
  static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var group: UInt32 = 0
    var count = 0
    var padding = 0
    for character in text.utf8 {
      switch character {
      case 0x20, 0x09, 0x0a, 0x0d: continue
      case UInt8(ascii: "="):
        padding += 1
        guard padding <= 2 else { return nil }
      default:
        guard padding == 0, let value = value(of: character) else { return nil }
        group = group << 6 | UInt32(value)
        count += 1
        if count % 4 == 0 {
          bytes += [UInt8(truncatingIfNeeded: group >> 16), UInt8(truncatingIfNeeded: group >> 8), UInt8(truncatingIfNeeded: group)]
          group = 0
        }
      }
    }
    switch (count % 4, padding) {
    case (0, 0): break
    case (2, 2): bytes.append(UInt8(truncatingIfNeeded: group >> 4))
    case (3, 1): bytes += [UInt8(truncatingIfNeeded: group >> 10), UInt8(truncatingIfNeeded: group >> 2)]
    default: return nil
    }
    return bytes
  }

  private static func value(of character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}

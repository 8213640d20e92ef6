extension [UInt8] {
  /// One to four changes: a bit, a byte, a number at some edge, a piece removed, repeated, or taken from `other`.
  public func damaged(by other: [UInt8] = [], using random: inout SplitMix64) -> [UInt8] {
    var bytes = self
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      let length = Swift.min(bytes.count - place, Int.random(in: 1...16, using: &random))
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 2:
        let edges: [UInt8] = [0, 0x7F, 0x80, 0xFF, 0x30, 0x39]
        let edge = edges.randomElement(using: &random) ?? 0
        for index in place..<place + length { bytes[index] = edge }
      case 3: bytes.removeSubrange(place..<place + length)
      case 4: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
      default:
        let start = other.isEmpty ? 0 : Int.random(in: 0..<other.count, using: &random)
        bytes.replaceSubrange(place..<place + length, with: other.dropFirst(start).prefix(32))
      }
    }
    return bytes
  }
}

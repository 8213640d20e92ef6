/// Whether the start of a file is the text of a VMDK descriptor.
enum ContentText {
  private static func isText(_ byte: UInt8) -> Bool { byte == 9 || byte == 10 || byte == 13 || (32..<127).contains(byte) }

  /// Whether all of it is ASCII text.
  static func isText(_ bytes: [UInt8]) -> Bool { !bytes.isEmpty && bytes.allSatisfy(isText) }

  /// Whether `head` begins with text that is a descriptor: lines of ASCII, one of them naming a `createType`.
  static func isDescriptor(_ head: UnsafeRawBufferPointer) -> Bool {
    let text = head.prefix(while: isText)
    let key = Array("createtype".utf8)
    // A line at a time, so that the same letters in the middle of a sentence do not count.
    return text.split(whereSeparator: { $0 == 10 || $0 == 13 }).contains { line in
      let trimmed = line.drop { $0 == 32 || $0 == 9 }
      guard trimmed.prefix(key.count).map({ $0 | 0x20 }) == key else { return false }
      return trimmed.dropFirst(key.count).first { $0 != 32 && $0 != 9 } == UInt8(ascii: "=")
    }
  }
}

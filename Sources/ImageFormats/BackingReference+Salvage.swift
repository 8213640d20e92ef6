extension BackingReference {
  /// The backing file's name that a damaged header still seems to hold, nil when none is credible: the magic and the two fields that say where
  /// the name lies must be whole, and the name be printable text. For protecting what it names, never for opening it.
  public static func salvage(_ head: [UInt8]) -> BackingReference? {
    guard head.count >= 20, head.starts(with: Array("QFI".utf8) + [0xFB]) else { return nil }
    func number(_ range: Range<Int>) -> UInt64 { head[range].reduce(0) { $0 << 8 | UInt64($1) } }
    let (offset, length) = (number(8..<16), number(16..<20))
    // No name lies before the end of the shortest header, and none is longer than QEMU reads.
    guard offset >= 72, offset <= UInt64(head.count), (1...UInt64(Qcow2Header.maximumBackingLength)).contains(length),
      offset + length <= UInt64(head.count)
    else { return nil }
    let name = Array(head[Int(offset)..<Int(offset + length)])
    guard name.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), String(validating: name, as: UTF8.self) != nil else { return nil }
    return BackingReference(pathBytes: name, format: nil)
  }
}

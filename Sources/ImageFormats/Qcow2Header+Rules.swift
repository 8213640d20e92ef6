public import Model

extension Qcow2Header {
  /// Types of header extension that matter to us.
  enum ExtensionType {
    static let end: UInt32 = 0
    static let backingFormat: UInt32 = 0xE279_2ACA
    static let encryption: UInt32 = 0x0537_BE77
    static let externalData: UInt32 = 0x4441_5441
  }

  /// Refuses with `formatRefused` what makes an image depend on other files or on features that we don't read: backing file, external data
  /// file, unknown features, corruption, extended L2 entries, encryption, unknown compression. (Cases H2 to H4; oslo.utils `QcowInspector`.)
  public func requireSelfContained(object: String, allowingExtendedL2: Bool = false) throws(SlipwayError) {
    if backingOffset != 0 {
      throw .formatRefused(object, "is a qcow2 with a backing file", hint: "flatten it with qemu-img convert and upload it again")
    }
    if incompatible.contains(.externalData) {
      throw .formatRefused(
        object, "is a qcow2 with an external data file", hint: "make it one file with qemu-img convert and upload it again")
    }
    let known: Features = [.dirty, .corrupt, .externalData, .compression, .extendedL2]
    let unknown = incompatible.subtracting(known).rawValue
    if unknown != 0 {
      throw .formatRefused(
        object, "is a qcow2 with the unknown incompatible feature bit \(unknown.trailingZeroBitCount)",
        hint: "convert it with qemu-img convert and upload it again")
    }
    if incompatible.contains(.extendedL2), !allowingExtendedL2 {
      throw .formatRefused(
        object, "is a qcow2 with extended L2 entries, which are not supported",
        hint: "convert it with qemu-img convert -o extended_l2=off and upload it again")
    }
    if incompatible.contains(.corrupt) { throw .damaged(object, "it is marked as corrupt") }
    if cryptMethod != 0 {
      throw .formatRefused(object, "is an encrypted qcow2, which is not supported", hint: "decrypt it with qemu-img convert")
    }
    if compression == nil {
      throw .formatRefused(
        object, "is a qcow2 with the unknown compression type \(compressionType)",
        hint: "convert it with qemu-img convert and upload it again")
    }
  }

  /// Refuses with `formatRefused` tables that do not lie within a file of `fileSize` bytes.
  public func requireFits(fileSize: Int64, object: String) throws(SlipwayError) {
    guard fileSize >= headerLength else { throw .damaged(object, "it ends within its header") }
    guard l1Entries == 0 || l1Offset + Int64(l1Entries) * 8 <= fileSize else {
      throw .damaged(object, "its \(fileSize) bytes end before its L1 table does")
    }
    guard refcountTableOffset + Int64(refcountTableClusters) * clusterSize <= fileSize else {
      throw .damaged(object, "its \(fileSize) bytes end before its refcount table does")
    }
  }

  /// Refuses with `formatRefused` header extensions that name another data file, that speak of encryption where there is none, or that are not
  /// well-formed. `head` are the first 64 KiB of the file, or all of it.
  func requireHarmlessExtensions(_ head: [UInt8], object: String) throws(SlipwayError) {
    try forEachExtension(head, object: object) { (type, _) throws(SlipwayError) in
      if type == ExtensionType.externalData {
        throw .formatRefused(
          object, "is a qcow2 with an external data file", hint: "make it one file with qemu-img convert and upload it again")
      }
      if type == ExtensionType.encryption { throw .damaged(object, "it has an encryption header but is not encrypted") }
    }
  }

  /// Parses and applies every rule: a header that we read images by. `head` as above.
  static func acceptable(head: [UInt8], fileSize: Int64, object: String) throws(SlipwayError) -> Qcow2Header {
    let header = try Qcow2Header(parsing: head, object: object)
    try header.requireSelfContained(object: object)
    try header.requireHarmlessExtensions(head, object: object)
    try header.requireFits(fileSize: fileSize, object: object)
    return header
  }

  /// Walks the extensions between the header's end and the backing file's name or the first cluster's end; `head` as above or longer.
  func forEachExtension(
    _ head: [UInt8], object: String, _ body: (UInt32, ArraySlice<UInt8>) throws(SlipwayError) -> Void
  ) throws(SlipwayError) {
    let end = Int(backingOffset != 0 ? backingOffset : clusterSize)
    var offset = headerLength
    while end - offset >= 8 {
      guard head.count - offset >= 8 else { throw tooShort(head, object) }
      let (type, length) = head.withUnsafeBytes { ($0.bigEndian32(at: offset), Int($0.bigEndian32(at: offset + 4))) }
      if type == ExtensionType.end { return }
      let start = offset + 8
      guard length <= end - start else { throw .damaged(object, "a header extension is longer than the header") }
      guard length <= head.count - start else { throw tooShort(head, object) }
      try body(type, head[start..<start + length])
      offset = start + roundUp(length, to: 8)
    }
  }

  private func tooShort(_ head: [UInt8], _ object: String) -> SlipwayError {
    head.count >= Qcow2Header.window
      ? .formatRefused(object, "is a qcow2 whose header extensions go on beyond 64 KiB") : .damaged(object, "it ends within its header")
  }
}

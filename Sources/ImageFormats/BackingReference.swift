public import Model

/// What a qcow2 names as its backing file.
public struct BackingReference: Sendable, Hashable {
  /// The name's bytes as they stand in the header: a path, absolute or relative to the directory of the file that names it, or a `json:` or
  /// `protocol:` word of QEMU's.
  public let pathBytes: [UInt8]
  /// The format to open it with (`raw`, `qcow2`, …); nil when the header does not say.
  public let format: String?

  /// The name as text; bytes that are no UTF-8 are replaced.
  public var path: String { String(decoding: pathBytes, as: UTF8.self) }

  /// What `head` names, nil when the image has no backing file. `head` are the first bytes of the file: 64 KiB suffice for whatever QEMU writes,
  /// 2 MiB for all there can be. Accepts every header that QEMU accepts, in use and with any feature.
  ///
  /// Throws `formatRefused` when it is no such header, or when `head` ends too early: never nil because something could not be read.
  public static func read(_ head: [UInt8], object: String) throws(SlipwayError) -> BackingReference? {
    let header = try Qcow2Header(parsing: head, object: object)
    guard header.backingOffset != 0, header.backingLength > 0 else { return nil }
    let start = Int(header.backingOffset)
    guard head.count - start >= header.backingLength else { throw .damaged(object, "it ends within the backing file's name") }
    var format: String?
    try header.forEachExtension(head, object: object) { (type, bytes) throws(SlipwayError) in
      if type == Qcow2Header.ExtensionType.backingFormat { format = String(decoding: bytes, as: UTF8.self) }
    }
    return BackingReference(pathBytes: Array(head[start..<start + header.backingLength]), format: format)
  }
}

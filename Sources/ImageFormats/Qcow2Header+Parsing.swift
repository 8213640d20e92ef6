public import Model

extension Qcow2Header {
  /// The L1 table's largest size in bytes (QEMU `QCOW_MAX_L1_SIZE`).
  static let maximumL1Bytes = 32 << 20
  /// The refcount table's largest size in bytes (QEMU `QCOW_MAX_REFTABLE_SIZE`).
  static let maximumRefcountTableBytes: Int64 = 8 << 20
  /// The most internal snapshots (QEMU `QCOW_MAX_SNAPSHOTS`).
  static let maximumSnapshots = 65536
  /// The longest name of a backing file.
  static let maximumBackingLength = 1023

  /// Reads the fixed fields from the first bytes of a file; 112 suffice. Accepts every header that QEMU would accept, with a backing file or
  /// features that we refuse elsewhere too; throws `formatRefused` for all others, also when `bytes` end within the header.
  public init(parsing bytes: [UInt8], object: String) throws(SlipwayError) {
    self.init()
    var fields = HeaderFields(bytes: bytes, object: object)
    guard bytes.starts(with: Array("QFI".utf8) + [0xFB]) else { throw .formatRefused(object, "is no qcow2: the magic is missing") }
    fields.offset = 4
    version = try fields.next32()
    guard version == 2 || version == 3 else {
      throw .formatRefused(object, "is qcow version \(version), which is not supported", hint: "convert it to qcow2 version 3 or raw")
    }
    backingOffset = try fields.nextOffset("backing file name")
    let nameLength = try fields.next32()
    let bits = try fields.next32()
    guard (9...21).contains(bits) else { throw .damaged(object, "cluster_bits \(bits) is not within 9 to 21") }
    clusterBits = Int(bits)
    let size = try fields.next64()
    guard size <= 1 << 62 else { throw .damaged(object, "the virtual size of \(size) bytes is more than 2^62") }
    // QEMU counts whole sectors.
    virtualSize = Int64(size) & ~511
    cryptMethod = try fields.next32()
    l1Entries = Int(try fields.next32())
    l1Offset = try fields.nextOffset("L1 table")
    refcountTableOffset = try fields.nextOffset("refcount table")
    refcountTableClusters = Int(try fields.next32())
    snapshotCount = Int(try fields.next32())
    snapshotsOffset = try fields.nextOffset("snapshot table")
    if version == 2 {
      headerLength = 72
    } else {
      try parseVersion3(&fields)
    }
    if backingOffset != 0 {
      backingLength = Int(nameLength)
      guard backingOffset >= headerLength, backingLength <= Qcow2Header.maximumBackingLength,
        backingOffset <= clusterSize - Int64(backingLength)
      else { throw .damaged(object, "the backing file's name lies outside the first cluster") }
    }
    try checkTables(declaredSize: Int64(size), object: object)
  }

  private mutating func parseVersion3(_ fields: inout HeaderFields) throws(SlipwayError) {
    incompatible = Features(rawValue: try fields.next64())
    compatible = try fields.next64()
    autoclear = try fields.next64()
    let order = try fields.next32()
    guard order <= 6 else { throw .damaged(fields.object, "refcount_order \(order) is more than 6") }
    refcountOrder = Int(order)
    let length = try fields.next32()
    guard length >= 104, length % 8 == 0, Int64(length) <= clusterSize else {
      throw .damaged(fields.object, "the header's length of \(length) bytes is not possible")
    }
    headerLength = Int(length)
    if length > 104 { compressionType = UInt8(try fields.next32() >> 24) }
    guard (compressionType != 0) == incompatible.contains(.compression) else {
      throw .damaged(fields.object, "compression type \(compressionType) and its feature bit contradict each other")
    }
  }

  private func checkTables(declaredSize: Int64, object: String) throws(SlipwayError) {
    let mask = clusterSize - 1
    guard l1Offset & mask == 0, refcountTableOffset & mask == 0, snapshotCount == 0 || snapshotsOffset & mask == 0 else {
      throw .damaged(object, "a table does not begin at a cluster")
    }
    guard l1Entries * 8 <= Qcow2Header.maximumL1Bytes else { throw .damaged(object, "the L1 table has \(l1Entries) entries, too many") }
    let needed = declaredSize / l2Coverage + (declaredSize % l2Coverage == 0 ? 0 : 1)
    guard Int64(l1Entries) >= needed else {
      throw .damaged(object, "the L1 table has \(l1Entries) entries, but the virtual size needs \(needed)")
    }
    guard l1Entries == 0 || l1Offset > 0 else { throw .damaged(object, "the L1 table lies in the header") }
    guard refcountTableOffset > 0, refcountTableClusters > 0 else { throw .damaged(object, "there is no refcount table") }
    guard Int64(refcountTableClusters) * clusterSize <= Qcow2Header.maximumRefcountTableBytes else {
      throw .damaged(object, "the refcount table has \(refcountTableClusters) clusters, too many")
    }
    guard snapshotCount <= Qcow2Header.maximumSnapshots else { throw .damaged(object, "\(snapshotCount) snapshots are too many") }
  }
}

/// Reads one field after the other, and says so when the bytes end.
private struct HeaderFields {
  let bytes: [UInt8]
  let object: String
  var offset = 0

  init(bytes: [UInt8], object: String) {
    self.bytes = bytes
    self.object = object
  }

  mutating func next32() throws(SlipwayError) -> UInt32 {
    try need(4)
    defer { offset += 4 }
    return bytes.withUnsafeBytes { $0.bigEndian32(at: offset) }
  }

  mutating func next64() throws(SlipwayError) -> UInt64 {
    try need(8)
    defer { offset += 8 }
    return bytes.withUnsafeBytes { $0.bigEndian64(at: offset) }
  }

  /// An offset into the file. None can lie beyond 2^62, so that sums of offsets and sizes never overflow.
  mutating func nextOffset(_ what: String) throws(SlipwayError) -> Int64 {
    let value = try next64()
    guard value <= 1 << 62 else { throw .damaged(object, "the \(what) lies beyond any file's end") }
    return Int64(value)
  }

  private func need(_ count: Int) throws(SlipwayError) {
    guard bytes.count - offset >= count else { throw .damaged(object, "it ends within its header") }
  }
}

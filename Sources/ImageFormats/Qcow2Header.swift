/// The header of a qcow2 file, versions 2 and 3 (QEMU `docs/interop/qcow2`). All offsets and sizes are in bytes.
public struct Qcow2Header: Sendable, Hashable {
  /// Incompatible feature bits that the specification names.
  public struct Features: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Refcounts may be stale; the data is not.
    public static let dirty = Features(rawValue: 1 << 0)
    /// Anything may be wrong.
    public static let corrupt = Features(rawValue: 1 << 1)
    /// Guest data lies in another file.
    public static let externalData = Features(rawValue: 1 << 2)
    /// Compressed clusters are not zlib's.
    public static let compression = Features(rawValue: 1 << 3)
    /// L2 entries have 16 bytes, with a bitmap of subclusters.
    public static let extendedL2 = Features(rawValue: 1 << 4)
  }

  /// How compressed clusters are compressed.
  public enum Compression: UInt8, Sendable, Hashable {
    case zlib, zstd
  }

  /// Bytes at the start of a file in which we look for the header and its extensions: whatever QEMU writes fits.
  public static let window = 65536

  /// 2 or 3.
  public var version: UInt32 = 3
  /// Where the backing file's name lies; 0 for none.
  public var backingOffset: Int64 = 0
  /// Length of the backing file's name, 0 to 1023.
  public var backingLength = 0
  /// 9 to 21.
  public var clusterBits = 16
  /// The size that a guest sees: a multiple of 512, 0 to 2^62. (QEMU rounds down what a header says.)
  public var virtualSize: Int64 = 0
  /// 0 for none.
  public var cryptMethod: UInt32 = 0
  /// Entries of the active L1 table.
  public var l1Entries = 0
  /// Where the active L1 table lies.
  public var l1Offset: Int64 = 0
  /// Where the refcount table lies.
  public var refcountTableOffset: Int64 = 0
  /// Clusters that the refcount table takes.
  public var refcountTableClusters = 0
  /// Number of internal snapshots.
  public var snapshotCount = 0
  /// Where the snapshot table lies.
  public var snapshotsOffset: Int64 = 0
  /// Features that a reader must know.
  public var incompatible: Features = []
  /// Features that a reader may ignore.
  public var compatible: UInt64 = 0
  /// Features that a writer who doesn't know them must clear.
  public var autoclear: UInt64 = 0
  /// A refcount has `1 << refcountOrder` bits, 0 to 6.
  public var refcountOrder = 4
  /// Where the header extensions begin.
  public var headerLength = 112
  /// The compression type field: see `Compression`.
  public var compressionType: UInt8 = 0

  /// A version 3 header with 64 KiB clusters and 16-bit refcounts, and nothing else set.
  public init() {}

  /// Bytes in a cluster.
  public var clusterSize: Int64 { 1 << Int64(clusterBits) }
  /// Entries of one L2 table.
  public var l2Entries: Int64 { clusterSize / (incompatible.contains(.extendedL2) ? 16 : 8) }
  /// Guest bytes that one L2 table maps.
  public var l2Coverage: Int64 { clusterSize * l2Entries }
  /// The compression of clusters, nil for a type that we don't know.
  public var compression: Compression? { Compression(rawValue: compressionType) }

  /// The 112 bytes of a version 3 header, without extensions: whoever writes them puts at least the end marker, 8 zero bytes, behind it.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = Array("QFI".utf8) + [0xFB]
    bytes.reserveCapacity(112)
    bytes.appendBigEndian(UInt32(3))
    bytes.appendBigEndian(backingOffset)
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: backingLength))
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: clusterBits))
    bytes.appendBigEndian(virtualSize)
    bytes.appendBigEndian(cryptMethod)
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: l1Entries))
    bytes.appendBigEndian(l1Offset)
    bytes.appendBigEndian(refcountTableOffset)
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: refcountTableClusters))
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: snapshotCount))
    bytes.appendBigEndian(snapshotsOffset)
    bytes.appendBigEndian(incompatible.rawValue)
    bytes.appendBigEndian(compatible)
    bytes.appendBigEndian(autoclear)
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: refcountOrder))
    bytes.appendBigEndian(UInt32(112))
    bytes.append(compressionType)
    bytes += [0, 0, 0, 0, 0, 0, 0]
    return bytes
  }
}

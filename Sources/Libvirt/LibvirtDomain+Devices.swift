internal import CLibvirt
public import Model

extension LibvirtDomain {
  /// A disk's sizes in bytes (Implements `virDomainGetBlockInfo`).
  public struct BlockInfo: Sendable, Hashable {
    /// What the guest sees.
    public let capacity: UInt64
    /// What is allocated.
    public let allocation: UInt64
    /// The end of what was written.
    public let physical: UInt64
  }

  /// A disk's counters since the start (Implements `virDomainBlockStats`); -1 where the driver does not count.
  public struct BlockStats: Sendable, Hashable {
    public let readRequests: Int64
    public let readBytes: Int64
    public let writeRequests: Int64
    public let writeBytes: Int64
  }

  /// Adds a device from its XML (Implements `virDomainAttachDeviceFlags`).
  public func attach(_ xml: String, _ effect: Effect) throws {
    try check(virDomainAttachDeviceFlags(pointer, xml, effect.rawValue), "virDomainAttachDeviceFlags", "attach a device to")
  }

  /// Takes a device off by its XML (Implements `virDomainDetachDeviceFlags`). Of a running domain the guest has to agree: done is it when `deviceRemoved` comes.
  public func detach(_ xml: String, _ effect: Effect) throws {
    try check(virDomainDetachDeviceFlags(pointer, xml, effect.rawValue), "virDomainDetachDeviceFlags", "detach a device from")
  }

  /// Tells a running domain the new size of a disk, by target or path (Implements `virDomainBlockResize`).
  public func resize(disk: String, to size: ByteCount) throws {
    let code = virDomainBlockResize(pointer, disk, UInt64(clamping: size.bytes), 1)  // bytes, not KiB
    try check(code, "virDomainBlockResize", "resize disk '\(disk)' of")
  }

  /// A disk's sizes, by target or path.
  public func blockInfo(disk: String) throws -> BlockInfo {
    var info = virDomainBlockInfo()
    try check(virDomainGetBlockInfo(pointer, disk, &info, 0), "virDomainGetBlockInfo", "look at disk '\(disk)' of")
    return BlockInfo(capacity: info.capacity, allocation: info.allocation, physical: info.physical)
  }

  /// A disk's counters, by target or path.
  public func blockStats(disk: String) throws -> BlockStats {
    var stats = virDomainBlockStatsStruct()
    let size = MemoryLayout<virDomainBlockStatsStruct>.size
    try check(virDomainBlockStats(pointer, disk, &stats, size), "virDomainBlockStats", "look at disk '\(disk)' of")
    return BlockStats(readRequests: stats.rd_req, readBytes: stats.rd_bytes, writeRequests: stats.wr_req, writeBytes: stats.wr_bytes)
  }

  /// Pulls all of a disk's chain into its top file and leaves it alone (Implements `virDomainBlockPull`); `blockJob` tells its end.
  public func pull(disk: String) throws {
    try check(virDomainBlockPull(pointer, disk, 0, 0), "virDomainBlockPull", "pull disk '\(disk)' of")
  }

  /// How far a disk's job is (Implements `virDomainGetBlockJobInfo`); nil when it has none.
  public func blockJob(disk: String) throws -> (done: UInt64, total: UInt64)? {
    var info = virDomainBlockJobInfo()
    let found = try check(virDomainGetBlockJobInfo(pointer, disk, &info, 0), "virDomainGetBlockJobInfo", "look at disk '\(disk)' of")
    return found == 0 ? nil : (info.cur, info.end)
  }

  /// Ends a disk's job; what it has done stays (Implements `virDomainBlockJobAbort`).
  public func abortBlockJob(disk: String) throws {
    try check(virDomainBlockJobAbort(pointer, disk, 0), "virDomainBlockJobAbort", "end the job on disk '\(disk)' of")
  }

  /// Sets, or with nil removes, the element of ours in its metadata (Implements `virDomainSetMetadata`). `key` is the prefix, `namespace` the URI.
  public func setMetadata(_ xml: String?, key: String, namespace: String, _ effect: Effect) throws {
    let kind = Int32(VIR_DOMAIN_METADATA_ELEMENT.rawValue)
    let code = virDomainSetMetadata(pointer, kind, xml, key, namespace, effect.rawValue)
    try check(code, "virDomainSetMetadata", "write the metadata of")
  }

  /// The element of `namespace` in its metadata (Implements `virDomainGetMetadata`); nil when it has none.
  public func metadata(namespace: String, _ effect: Effect = []) throws -> String? {
    let kind = Int32(VIR_DOMAIN_METADATA_ELEMENT.rawValue)
    if let text = take(virDomainGetMetadata(pointer, kind, namespace, effect.rawValue)) { return text }
    if lastErrorIs(VIR_ERR_NO_DOMAIN_METADATA) { return nil }
    throw SlipwayError.libvirt("virDomainGetMetadata", doing: "read the metadata of domain '\(name)'", object: name)
  }
}

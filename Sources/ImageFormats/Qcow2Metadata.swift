/// The last writes of a new qcow2: L2 and L1 tables, refcount blocks, the refcount table, and the header, which makes the file a qcow2, last.
///
/// Made one cluster at a time. All clusters are in use once, the refcount structures' own included, so a block is known from its number alone.
public struct Qcow2Metadata: Sequence, IteratorProtocol, Sendable {
  /// The header, complete.
  public let header: Qcow2Header
  /// The size of the file in bytes.
  public let fileSize: Int64

  private var tables: ArraySlice<MetadataWrite>
  private let clusters: Int64
  private let blocksOffset: Int64
  private let blocks: Int64
  private var nextBlock: Int64 = 0
  private var nextTableCluster: Int64 = 0
  private var headerIsOut = false

  /// `tables` first; `usedClusters` is what the file has before refcounts.
  init(tables: [MetadataWrite], usedClusters: Int64, header: Qcow2Header) {
    let perBlock = Qcow2Metadata.refcountsPerBlock(header)
    var (blocks, tableClusters): (Int64, Int64) = (0, 0)
    // Refcounts count their own clusters: repeat until the sum stands still.
    while true {
      let total = usedClusters + blocks + tableClusters
      let needed = roundUp(total, to: perBlock) / perBlock
      let neededTable = roundUp(needed * 8, to: header.clusterSize) / header.clusterSize
      if needed == blocks, neededTable == tableClusters { break }
      (blocks, tableClusters) = (needed, neededTable)
    }
    var header = header
    blocksOffset = usedClusters * header.clusterSize
    header.refcountTableOffset = blocksOffset + blocks * header.clusterSize
    header.refcountTableClusters = Int(tableClusters)
    self.header = header
    self.tables = tables[...]
    self.blocks = blocks
    clusters = usedClusters + blocks + tableClusters
    fileSize = clusters * header.clusterSize
  }

  public mutating func next() -> MetadataWrite? {
    if let table = tables.popFirst() { return table }
    if nextBlock < blocks {
      defer { nextBlock += 1 }
      return block(nextBlock)
    }
    if nextTableCluster < Int64(header.refcountTableClusters) {
      defer { nextTableCluster += 1 }
      return tableCluster(nextTableCluster)
    }
    if headerIsOut { return nil }
    headerIsOut = true
    var bytes = header.serialized()
    // The end of the header extensions.
    bytes += [UInt8](repeating: 0, count: 8)
    return MetadataWrite(offset: 0, bytes: bytes)
  }

  private static func refcountsPerBlock(_ header: Qcow2Header) -> Int64 { header.clusterSize / 2 }

  private func block(_ index: Int64) -> MetadataWrite {
    let perBlock = Qcow2Metadata.refcountsPerBlock(header)
    let used = Int(Swift.min(perBlock, clusters - index * perBlock))
    var bytes = [UInt8](repeating: 0, count: Int(header.clusterSize))
    for refcount in 0..<used { bytes[refcount * 2 + 1] = 1 }
    return MetadataWrite(offset: blocksOffset + index * header.clusterSize, bytes: bytes)
  }

  private func tableCluster(_ index: Int64) -> MetadataWrite {
    var bytes = [UInt8](repeating: 0, count: Int(header.clusterSize))
    let perCluster = header.clusterSize / 8
    for entry in 0..<Swift.min(perCluster, blocks - index * perCluster) {
      let block = index * perCluster + entry
      bytes.storeBigEndian(UInt64(blocksOffset + block * header.clusterSize), at: Int(entry * 8))
    }
    return MetadataWrite(offset: header.refcountTableOffset + index * header.clusterSize, bytes: bytes)
  }
}

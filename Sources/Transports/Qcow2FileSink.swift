public import Files
internal import ImageFormats
public import Runtime
public import Transfer

/// A file that becomes a qcow2 while the guest's bytes stream: data as it comes, each L2 table when its 512 MiB are done, the header last.
public final class Qcow2FileSink: BlockingSink {
  public let granularity = 65536
  public let workers: WorkerPool
  private let file: File
  private let layout: Locked<Qcow2Layout>
  private let tap: FileTap?

  /// A sink into an open, empty file for an image of `virtualSize` bytes. Throws `format_refused` for a size that no qcow2 can have.
  public init(_ file: File, virtualSize: Int64, workers: WorkerPool, tap: FileTap? = nil) throws {
    self.file = file
    self.tap = tap
    self.workers = workers
    layout = Locked(try Qcow2Layout(virtualSize: virtualSize))
  }

  public func writeBlocking(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
    let place = try layout.with { layout in try layout.place(guestOffset: offset, length: bytes.count) }
    try tap?(bytes, place)
    try file.write(bytes, at: place)
  }

  public func reached(_ offset: Int64) async throws {
    let writes = layout.with { $0.completed(upTo: offset) }
    guard !writes.isEmpty else { return }
    try await workers.runAlways { for write in writes { try self.write(write) } }
  }

  public func finish(size: Int64) async throws {
    let (file, layout) = (file, layout)
    try await workers.runAlways {
      let metadata = try layout.with { layout in try layout.finish() }
      // The length first: what the header will speak of is there before the header.
      try file.truncate(to: metadata.fileSize)
      for write in metadata { try self.write(write) }
    }
  }

  /// A table or the header: one cluster at most.
  private func write(_ write: MetadataWrite) throws {
    if let tap { try write.bytes.withUnsafeBytes { try tap($0, write.offset) } }
    try file.write(write.bytes, at: write.offset)
  }
}

public import Files
public import Runtime
public import Transfer

/// A file that gets the bytes as they are, holes left out.
public final class RawFileSink: BlockingSink {
  public let granularity = 65536
  public let workers: WorkerPool
  private let file: File
  private let tap: FileTap?

  /// A sink into an open, empty file, which stays the caller's to sync and close.
  public init(_ file: File, workers: WorkerPool, tap: FileTap? = nil) {
    self.file = file
    self.workers = workers
    self.tap = tap
  }

  public func writeBlocking(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
    try tap?(bytes, offset)
    try file.write(bytes, at: offset)
  }

  public func reached(_ offset: Int64) async throws {}

  public func finish(size: Int64) async throws {
    let file = file
    try await workers.runAlways { try file.truncate(to: size) }
  }
}

public import Files
public import Model
public import Runtime
public import Transfer

/// A local file as a source; holes come from the file system.
public final class FileSource: RandomAccessSource {
  /// Size in bytes when it was opened.
  public let size: Int64
  private let file: File
  private let workers: WorkerPool

  /// A source over an open file, which stays the caller's to close.
  public init(_ file: File, size: Int64, workers: WorkerPool) {
    self.file = file
    self.size = size
    self.workers = workers
  }

  /// Throws `source_failed` unless the file still is what `before` said of it: whoever writes to a file while it is read gets no base of it.
  public static func proveUnchanged(_ file: File, since before: FileStatus) throws(SlipwayError) {
    let now = try file.status()
    // The node of a block device tells nothing of its content.
    guard now.kind == .regular else { return }
    guard now.isSameFile(as: before), now.size == before.size, now.modified == before.modified else {
      throw SlipwayError(
        .sourceFailed, "\(file.path) was changed while it was read", object: file.path, hint: "try again when nobody writes to it")
    }
  }

  public func extents(from offset: Int64, to end: Int64) async throws -> [Extent] {
    let (file, limit) = (file, min(end, size))
    return try await workers.run {
      var found: [Extent] = []
      var position = offset
      while position < limit {
        let step = try file.extents(from: position, to: limit, limit: 1024)
        found += step.extents
        // A file of very many small extents is read as data from here on: the list stays bounded.
        if found.count > 65536, let next = step.next {
          found.append(Extent(offset: next, length: limit - next, isData: true))
          return found
        }
        position = step.next ?? limit
      }
      return found
    }
  }

  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    let file = file
    try await workers.run {
      let memory = UnsafeMutableRawBufferPointer(rebasing: buffer.memory[..<length])
      let got = try file.read(into: memory, at: offset)
      guard got == length else {
        throw SlipwayError(
          .sizeMismatch, "\(file.path) gave \(got) of \(length) bytes at \(offset): it shrank while it was read", object: file.path)
      }
    }
  }
}

internal import Ceph
public import Files
internal import ImageFormats
public import Model
public import Runtime
public import Transfer

/// The guest's view of a local qcow2 file or one in an RBD snapshot, decompressed as it is read. Only ever made over bytes that have their verdict.
public final class Qcow2Source: RandomAccessSource {
  /// The virtual size in bytes.
  public var size: Int64 { reader.virtualSize }
  private let reader: Qcow2Reader
  private let workers: WorkerPool

  private init(_ reader: Qcow2Reader, workers: WorkerPool) {
    self.reader = reader
    self.workers = workers
  }

  /// Reads the header. Throws `format_refused` for what is no qcow2 of ours to read (a backing file, a data file, unknown features).
  public static func open(_ file: File, size: Int64, workers: WorkerPool) async throws -> Qcow2Source {
    try await workers.run {
      Qcow2Source(
        try Qcow2Reader(fileSize: size, object: file.path) { offset, buffer in try file.readExactly(into: buffer, at: offset) },
        workers: workers)
    }
  }

  /// As above, of a snapshot that holds a qcow2: reads go straight to RBD, there is no copy. `object` is the image, for messages.
  public static func open(_ snapshot: RBDSource, object: String, workers: WorkerPool) async throws -> Qcow2Source {
    let image = snapshot.image
    return try await workers.run {
      Qcow2Source(
        try Qcow2Reader(fileSize: image.size, object: object) { offset, buffer in try image.readBlocking(at: offset, into: buffer) },
        workers: workers)
    }
  }

  public func extents(from offset: Int64, to end: Int64) async throws -> [Extent] {
    let reader = reader
    return try await workers.run {
      var found: [Extent] = []
      var position = offset
      while position < end {
        let runs = try reader.extents(from: position, to: end)
        guard let last = runs.last, last.end > position else {
          throw SlipwayError(.internalError, "a qcow2 tells no extents from \(position) on")
        }
        for run in runs {
          if let last = found.last, last.isData == run.isData {
            found[found.count - 1].length += run.length
          } else {
            found.append(run.extent)
          }
          position = run.end
        }
      }
      return found
    }
  }

  /// Bytes that a guest would not read as zeros, as the image's tables tell.
  public func estimate() async throws -> Int64 {
    let (reader, slice) = (reader, Int64(64) << 30)
    var sum: Int64 = 0
    var position: Int64 = 0
    while position < size {
      let (start, end) = (position, size - position > slice ? position + slice : size)
      sum += try await workers.run {
        var (sum, position) = (Int64(0), start)
        while position < end {
          let runs = try reader.extents(from: position, to: end)
          guard let last = runs.last, last.end > position else { return sum }
          for run in runs where run.isData { sum += run.length }
          position = last.end
        }
        return sum
      }
      position = end
    }
    return sum
  }

  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    let reader = reader
    try await workers.run { try reader.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer.memory[..<length])) }
  }
}

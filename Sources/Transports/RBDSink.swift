public import Ceph
internal import Model
public import Runtime
public import Transfer

/// An empty RBD image that gets the bytes as they are, holes and zero runs left out: what is never written reads as zeros.
public final class RBDSink: Sink {
  public let granularity = 65536
  private let image: Image
  private let room: Room

  /// A sink into an image that is open for writing and stays the caller's to close. It grows where bytes come that lie behind its end.
  public init(_ image: Image) {
    self.image = image
    room = Room(image)
  }

  public func write(_ buffer: Buffer, range: Range<Int>, at offset: Int64) async throws {
    try await room.reach(offset + Int64(range.count))
    try await image.write(buffer, range: range, at: offset)
  }

  public func reached(_ offset: Int64) async throws {}

  public func finish(size: Int64) async throws {
    if await room.size != size { try await image.truncate(to: ByteCount(size)) }
    try await image.flush()
  }

  /// The image's size while it grows: a source without an announced length tells its end only there.
  private actor Room {
    private let image: Image
    private(set) var size: Int64
    private var growing: Task<Void, any Error>?

    init(_ image: Image) {
      self.image = image
      size = image.size
    }

    func reach(_ end: Int64) async throws {
      while end > size {
        if let growing {
          try await growing.value
          continue
        }
        // Each growth rewrites the header: few of them, and the end is cut to its place.
        let next = max(end, size > Int64.max / 2 ? end : size * 2, 256 << 20)
        let task = Task { [image] in try await image.resize(to: ByteCount(next)) }
        growing = task
        do {
          try await task.value
        } catch {
          growing = nil
          throw error
        }
        size = next
        growing = nil
      }
    }
  }
}

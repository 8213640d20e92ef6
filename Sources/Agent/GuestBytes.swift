internal import Model
internal import Runtime
internal import Transfer
internal import Transports

/// The first bytes that a guest sees of a qcow2: the raw image that it was made from, without the zeros that fill its last sector.
final class GuestBytes: RandomAccessSource {
  let size: Int64
  private let source: Qcow2Source

  /// `size` bytes of `source`. Throws `digest_mismatch` when what follows is not zeros, so that no guest sees bytes that no digest covers.
  static func open(_ source: Qcow2Source, size: Int64, object: String) async throws -> GuestBytes {
    let rest = Int(source.size - size)
    if rest > 0 {
      let buffer = Buffer(capacity: rest)
      try await source.read(at: size, length: rest, into: buffer)
      guard buffer.memory[..<rest].allSatisfy({ $0 == 0 }) else {
        throw SlipwayError(
          .digestMismatch, "\(object) holds other bytes than zeros behind the \(size) bytes of the image", object: object,
          hint: "nothing was kept; take the copy from another host")
      }
    }
    return GuestBytes(source, size)
  }

  private init(_ source: Qcow2Source, _ size: Int64) {
    self.source = source
    self.size = size
  }

  func extents(from offset: Int64, to end: Int64) async throws -> [Extent] {
    try await source.extents(from: offset, to: end)
  }

  func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    try await source.read(at: offset, length: length, into: buffer)
  }
}

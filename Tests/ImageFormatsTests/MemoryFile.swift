import ImageFormats
import Model
import Runtime

/// A file in memory that holds its reader to the contract: no byte outside the file is ever asked for.
final class MemoryFile: Sendable {
  struct Tally: Sendable {
    var calls = 0
    var largest = 0
    var outside = 0
  }

  let bytes: [UInt8]
  private let state = Locked(Tally())

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var tally: Tally { state.with { $0 } }

  func read(_ offset: Int64, _ buffer: UnsafeMutableRawBufferPointer) throws {
    let inside = offset >= 0 && offset <= bytes.count && buffer.count <= bytes.count - Int(offset)
    state.with { tally in
      tally.calls += 1
      tally.largest = max(tally.largest, buffer.count)
      if !inside { tally.outside += 1 }
    }
    guard inside else { throw SlipwayError(.ioError, "read outside the file") }
    bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + buffer.count])) }
  }

  /// A small valid qcow2 of ours: `virtualSize` bytes, the first cluster filled with `0xD5`.
  static func qcow2(virtualSize: Int64 = 1 << 20, clusterBits: Int = 16) throws -> [UInt8] {
    var layout = try Qcow2Layout(virtualSize: virtualSize, clusterBits: clusterBits)
    let host = Int(try layout.place(guestOffset: 0, length: Int(layout.clusterSize)))
    let writes = Array(try layout.finish())
    var bytes = [UInt8](repeating: 0, count: Int(layout.fileSize))
    bytes.replaceSubrange(host..<host + Int(layout.clusterSize), with: repeatElement(0xD5, count: Int(layout.clusterSize)))
    for write in writes { bytes.replaceSubrange(Int(write.offset)..<Int(write.offset) + write.bytes.count, with: write.bytes) }
    return bytes
  }
}

extension [UInt8] {
  /// The bytes with a big-endian number at `offset`.
  func with(_ value: some FixedWidthInteger, at offset: Int) -> [UInt8] {
    var copy = self
    Swift.withUnsafeBytes(of: value.bigEndian) { copy.replaceSubrange(offset..<offset + $0.count, with: $0) }
    return copy
  }

  /// The bytes with `text` at `offset`.
  func with(_ text: String, at offset: Int) -> [UInt8] {
    var copy = self
    copy.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    return copy
  }
}

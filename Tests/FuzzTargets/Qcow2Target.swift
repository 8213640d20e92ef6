import ImageFormats
import Model
import Runtime

/// The reader of qcow2 images: header, tables, compressed clusters. The bytes are the file.
enum Qcow2Target {
  static func check(_ bytes: [UInt8]) -> String? {
    let outside = Locked<String?>(nil)
    let read: Qcow2Reader.PositionalRead = { offset, buffer in
      guard offset >= 0, offset <= bytes.count, buffer.count <= bytes.count - Int(offset) else {
        outside.with { $0 = "asked for \(buffer.count) bytes at \(offset) of \(bytes.count)" }
        throw SlipwayError(.ioError, "outside")
      }
      if buffer.count > 4 << 20 { outside.with { $0 = "asked for \(buffer.count) bytes at once" } }
      bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + buffer.count])) }
    }
    var wrong: String?
    do {
      let reader = try Qcow2Reader(fileSize: Int64(bytes.count), object: "it", read: read)
      wrong = try walk(reader)
    } catch let error as SlipwayError where error.code == .formatRefused || error.code == .ioError {
    } catch {
      wrong = "\(error)"
    }
    return outside.with { $0 } ?? wrong
  }

  private static func walk(_ reader: Qcow2Reader) throws -> String? {
    guard reader.virtualSize >= 0, reader.virtualSize <= 1 << 62 else { return "a virtual size of \(reader.virtualSize)" }
    var position: Int64 = 0
    var buffer = [UInt8](repeating: 0, count: 70_000)
    // An image may be 2^62 bytes of holes: its beginning will do, and its end.
    for _ in 0..<4 where position < reader.virtualSize {
      let runs = try reader.extents(from: position, to: reader.virtualSize, limit: 64)
      for run in runs {
        guard run.offset == position, run.length > 0, run.end <= reader.virtualSize else { return "\(run) at \(position)" }
        position = run.end
      }
      if runs.isEmpty { return "nothing at \(position) of \(reader.virtualSize)" }
      for run in runs.prefix(8) {
        let count = Int(min(run.length, Int64(buffer.count)))
        try buffer.withUnsafeMutableBytes { try reader.read(at: run.offset, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count])) }
      }
    }
    let tail = max(0, reader.virtualSize - 1000)
    try buffer.withUnsafeMutableBytes {
      try reader.read(at: tail, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<Int(reader.virtualSize - tail)]))
    }
    return nil
  }
}

import ImageFormats
import Model
import Testing

/// The bytes of an image, most of them zeros that are not stored.
struct Sample: Sendable {
  /// The file's size.
  var size: Int
  /// Where something stands, in order, without overlaps.
  private(set) var parts: [(offset: Int, bytes: [UInt8])] = []

  init(size: Int, _ parts: [(Int, [UInt8])] = []) {
    self.size = size
    for (offset, bytes) in parts { put(bytes, at: offset) }
  }

  init(_ bytes: [UInt8]) { self.init(size: bytes.count, [(0, bytes)]) }

  /// The same with other bytes at `offset`.
  func with(_ bytes: [UInt8], at offset: Int) -> Sample {
    var copy = self
    copy.put(bytes, at: offset)
    return copy
  }

  func with(_ text: String, at offset: Int) -> Sample { with(Array(text.utf8), at: offset) }
  func little(_ value: some FixedWidthInteger, at offset: Int) -> Sample { with(Self.bytes(value.littleEndian), at: offset) }
  func big(_ value: some FixedWidthInteger, at offset: Int) -> Sample { with(Self.bytes(value.bigEndian), at: offset) }

  /// The first `length` bytes.
  func prefix(_ length: Int) -> Sample {
    var copy = self
    copy.size = min(size, length)
    copy.parts = parts.filter { $0.offset < length }.map { ($0.offset, Array($0.bytes.prefix(length - $0.offset))) }
    return copy
  }

  /// The same with `count` more bytes at the end.
  func appending(_ bytes: [UInt8]) -> Sample {
    var copy = self
    copy.size += bytes.count
    copy.put(bytes, at: size)
    return copy
  }

  private mutating func put(_ bytes: [UInt8], at offset: Int) {
    size = max(size, offset + bytes.count)
    let end = offset + bytes.count
    // Neighbours are taken in, so that parts never overlap.
    let touched = parts.filter { $0.offset <= end && $0.offset + $0.bytes.count >= offset }
    let start = min(offset, touched.map(\.offset).min() ?? offset)
    let stop = max(end, touched.map { $0.offset + $0.bytes.count }.max() ?? end)
    var whole = [UInt8](repeating: 0, count: stop - start)
    for part in touched + [(offset, bytes)] {
      whole.replaceSubrange(part.offset - start..<part.offset - start + part.bytes.count, with: part.bytes)
    }
    parts.removeAll { $0.offset <= end && $0.offset + $0.bytes.count >= offset }
    parts.append((start, whole))
    parts.sort { $0.offset < $1.offset }
  }

  private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] { Swift.withUnsafeBytes(of: value) { Array($0) } }

  /// What an inspector says of it when it comes in pieces of `reads` bytes; gaps come as zeros of any length, or as stored ones where `isStored`.
  func verdict(
    claimed: DiskFormat?, reads: Int = 65536, isStored: Bool = false, policy: InspectionPolicy = InspectionPolicy()
  ) -> Verdict {
    var inspector = FormatInspector(claimed: claimed, object: "image 1", policy: policy)
    var most = 0
    do throws(SlipwayError) {
      var position = 0
      for part in parts + [(size, [])] {
        try feed(zeros: part.offset - position, reads, isStored, &inspector)
        var rest = part.bytes[...]
        while !rest.isEmpty {
          try Self.update(&inspector, Array(rest.prefix(reads)))
          most = max(most, inspector.bufferedBytes)
          rest = rest.dropFirst(reads)
        }
        position = part.offset + part.bytes.count
      }
      return Verdict(result: .success(try inspector.finish()), buffered: most)
    } catch {
      return Verdict(result: .failure(error), buffered: most)
    }
  }

  private func feed(zeros count: Int, _ reads: Int, _ isStored: Bool, _ inspector: inout FormatInspector) throws(SlipwayError) {
    guard isStored else { return try inspector.zeros(Int64(count)) }
    let piece = [UInt8](repeating: 0, count: reads)
    for offset in stride(from: 0, to: count, by: reads) {
      try Self.update(&inspector, Array(piece.prefix(count - offset)))
    }
  }

  private static func update(_ inspector: inout FormatInspector, _ piece: [UInt8]) throws(SlipwayError) {
    // Typed throws do not pass through withUnsafeBytes.
    var thrown: SlipwayError?
    piece.withUnsafeBytes { bytes in
      do throws(SlipwayError) { try inspector.update(bytes) } catch { thrown = error }
    }
    if let thrown { throw thrown }
  }
}

/// What came of an inspection.
struct Verdict: CustomStringConvertible {
  let result: Result<Inspection, SlipwayError>
  /// The most bytes that the inspector held at any time.
  let buffered: Int

  var inspection: Inspection? { try? result.get() }
  var error: SlipwayError? { if case .failure(let error) = result { error } else { nil } }

  var description: String {
    switch result {
    case .success(let inspection): "\(inspection)"
    case .failure(let error): "\(error.code) \(error)"
    }
  }
}

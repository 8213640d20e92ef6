import ImageFormats
import Model

/// Inspectors of images that stream by.
///
/// The bytes: which format is claimed (the last number: none), how the stream is cut, then pieces of it, each a gap of zeros (16 bits, in sectors of 512 bytes), a length (16 bits)
/// and so many bytes. So structures that lie far into an image are within reach of a small input.
enum FormatTarget {
  /// No image of a test is longer.
  private static let limit = 4 << 20
  private static let wrong = "wrong: "
  /// A window of 64 KiB for each format, at the very most.
  private static let mostBuffered = 10 * 65536

  static func check(_ bytes: [UInt8]) -> String? {
    guard bytes.count >= 2 else { return nil }
    let formats = DiskFormat.allCases.map { Optional($0) } + [nil]
    let claimed = formats[Int(bytes[0]) % formats.count]
    let pieces = Self.pieces(bytes.dropFirst(2))
    let whole = judge(claimed, pieces) { (inspector, piece) throws(SlipwayError) in
      try inspector.zeros(Int64(piece.gap))
      try feed(&inspector, piece.bytes)
    }
    // The same image in other cuts, zeros as bytes.
    let step = [1, 17, 511, 512, 513, 4096, 65535, 65536][Int(bytes[1]) % 8]
    let image = pieces.reduce(into: [UInt8]()) { $0 += [UInt8](repeating: 0, count: $1.gap) + $1.bytes }
    let cut = judge(claimed, [Piece(gap: 0, bytes: image[...])]) { (inspector, piece) throws(SlipwayError) in
      // Small cuts at the beginning, then large ones that end at odd places: each call looks at all formats.
      var position = 0
      var calls = 0
      while position < piece.bytes.count {
        let next = min(piece.bytes.count, position + (calls < 700 ? step : 65_521))
        calls += 1
        try feed(&inspector, piece.bytes[position..<next])
        position = next
      }
    }
    if whole.hasPrefix(wrong) { return whole }
    return whole == cut ? nil : "cut in \(step): \(cut), whole: \(whole)"
  }

  private struct Piece {
    let gap: Int
    let bytes: ArraySlice<UInt8>
  }

  private static func pieces(_ bytes: ArraySlice<UInt8>) -> [Piece] {
    var found: [Piece] = []
    var rest = bytes
    var total = 0
    while rest.count >= 4, total < limit {
      let head = Array(rest.prefix(4)).map(Int.init)
      rest = rest.dropFirst(4)
      let gap = min((head[0] << 8 | head[1]) * 512, limit - total)
      let data = rest.prefix(head[2] << 8 | head[3])
      rest = rest.dropFirst(data.count)
      total += gap + data.count
      found.append(Piece(gap: gap, bytes: data))
    }
    return found
  }

  private static func feed(_ inspector: inout FormatInspector, _ bytes: ArraySlice<UInt8>) throws(SlipwayError) {
    var refusal: SlipwayError?
    bytes.withUnsafeBytes { buffer in
      do throws(SlipwayError) { try inspector.update(buffer) } catch { refusal = error }
    }
    if let refusal { throw refusal }
  }

  /// What became of it, for comparison.
  private static func judge(
    _ claimed: DiskFormat?, _ pieces: [Piece], _ feed: (inout FormatInspector, Piece) throws(SlipwayError) -> Void
  ) -> String {
    var inspector = FormatInspector(claimed: claimed, object: "it")
    do throws(SlipwayError) {
      for piece in pieces {
        try feed(&inspector, piece)
        if inspector.bufferedBytes > mostBuffered { return "\(wrong)\(inspector.bufferedBytes) bytes are held" }
      }
      let found = try inspector.finish()
      guard found.virtualSize >= 0, found.storedSize >= 0 else { return "\(wrong)a negative size: \(found)" }
      return "\(found.format) \(found.subformat ?? "-") of \(found.virtualSize) in \(found.storedSize)"
    } catch {
      guard error.code == .formatMismatch || error.code == .formatRefused else { return "\(wrong)\(error)" }
      return "\(error.code.rawValue): \(error.message)"
    }
  }
}

/// A number of bytes, 0 to `Int64.max`. Written and read with the binary suffixes `K M G T` (1024 and its powers).
public struct ByteCount: Sendable, Hashable, Comparable, Codable {
  /// The number of bytes, never negative.
  public let bytes: Int64

  /// A count from a number that is already known to be in range; negative ones become 0.
  public init(_ bytes: Int64) { self.bytes = max(0, bytes) }

  /// Reads `20G`, `512M`, `1048576`, `1.5T`, `20GiB`; binary units. Throws `invalid_size` for anything else and for more than 8 EiB - 1.
  public init(parsing text: String) throws(SlipwayError) {
    let wrong = SlipwayError(
      .invalidSize, "'\(text)' is no size", object: text, hint: "give bytes or a number with K, M, G or T, such as 20G")
    var digits = Substring(text)
    var shift: Int64 = 0
    let lowered = text.lowercased()
    let stem = lowered.hasSuffix("ib") ? lowered.dropLast(2) : lowered.hasSuffix("b") ? lowered.dropLast(1) : Substring(lowered)
    if let unit = stem.last, let power = ["k": 10, "m": 20, "g": 30, "t": 40, "p": 50][unit] {
      shift = Int64(power)
      digits = stem.dropLast()
    } else {
      digits = stem
    }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let whole = parts.first, !whole.isEmpty, whole.allSatisfy({ $0.isASCII && $0.isNumber }),
      let count = Int64(whole)
    else { throw wrong }
    let (scaled, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
    guard !overflow else { throw wrong }
    var total = scaled
    if parts.count == 2 {
      guard shift > 0, !parts[1].isEmpty, parts[1].count <= 6, parts[1].allSatisfy({ $0.isASCII && $0.isNumber }),
        let fraction = Double("0." + parts[1])
      else { throw wrong }
      let (sum, over) = total.addingReportingOverflow(Int64(fraction * Double(Int64(1) << shift)))
      guard !over else { throw wrong }
      total = sum
    }
    self.bytes = total
  }

  /// A count of gibibytes; one that is too large for bytes is the largest count, since it may be a limit from outside.
  public static func gib(_ count: Int64) -> ByteCount { scaled(count, by: 1 << 30) }
  /// A count of mebibytes; likewise.
  public static func mib(_ count: Int64) -> ByteCount { scaled(count, by: 1 << 20) }

  private static func scaled(_ count: Int64, by unit: Int64) -> ByteCount {
    let (bytes, overflow) = max(0, count).multipliedReportingOverflow(by: unit)
    return ByteCount(overflow ? .max : bytes)
  }

  public static func < (a: ByteCount, b: ByteCount) -> Bool { a.bytes < b.bytes }

  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(Int64.self)) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(bytes)
  }
}

extension ByteCount: CustomStringConvertible {
  /// For people: `20 GiB`, `1.5 MiB`, `17 B`.
  public var description: String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    var unit = 0
    while unit < units.count - 1, bytes >> Int64(10 * (unit + 1)) > 0 { unit += 1 }
    let scale = Int64(1) << Int64(10 * unit)
    if bytes % scale == 0 { return "\(bytes / scale) \(units[unit])" }
    let tenths = Int64((Double(bytes) / Double(scale) * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }
}

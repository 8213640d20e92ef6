/// A base's name in its pool: 40 hexadecimal digits, a function of its identity alone, so that all hosts mean the same base by it.
public struct PoolBaseName: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  static let prefix = "slipway.base."
  static let claimPrefix = "slipway.base-claim."

  /// The digits.
  public let hash: String

  /// Nil unless `hash` is 40 lower-case hexadecimal digits.
  public init?(hash: String) {
    guard hash.utf8.count == 40, hash.utf8.allSatisfy(Set("0123456789abcdef".utf8).contains) else { return nil }
    self.hash = hash
  }

  /// The base whose RBD image has that name; nil for every other name. No disk can have such a name.
  public init?(image: String) {
    guard image.hasPrefix(Self.prefix) else { return nil }
    self.init(hash: String(image.dropFirst(Self.prefix.count)))
  }

  /// The name of its RBD image.
  public var image: String { Self.prefix + hash }
  /// The RADOS object on which hosts agree about it, and which tells its use.
  var claim: String { Self.claimPrefix + hash }

  public var description: String { image }

  public static func < (a: PoolBaseName, b: PoolBaseName) -> Bool { a.hash < b.hash }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let name = PoolBaseName(hash: text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' names no base")
    }
    self = name
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hash)
  }
}

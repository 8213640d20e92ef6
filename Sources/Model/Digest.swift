/// A digest algorithm that images are described by (Glance `os_hash_algo`, hashlib's names) or that we take ourselves.
public enum DigestAlgorithm: String, Sendable, Hashable, Codable, CaseIterable {
  case md5, sha1, sha224, sha256, sha384, sha512

  /// The length of a digest in bytes.
  public var length: Int {
    switch self {
    case .md5: 16
    case .sha1: 20
    case .sha224: 28
    case .sha256: 32
    case .sha384: 48
    case .sha512: 64
    }
  }

  /// Whether a match is evidence of identity. md5 and sha1 find accidents, not attackers.
  public var isStrong: Bool { self != .md5 && self != .sha1 }
}

/// An algorithm and its value, lower-case hexadecimal.
public struct Digest: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The algorithm.
  public let algorithm: DigestAlgorithm
  /// `2 * algorithm.length` lower-case hexadecimal digits.
  public let hex: String

  /// A digest; nil unless `hex` has the algorithm's length and only hexadecimal digits (either case).
  public init?(_ algorithm: DigestAlgorithm, hex: String) {
    guard hex.utf8.count == algorithm.length * 2, hex.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
    self.algorithm = algorithm
    self.hex = hex.lowercased()
  }

  /// A digest from its raw bytes; nil unless the length is the algorithm's.
  public init?(_ algorithm: DigestAlgorithm, bytes: [UInt8]) {
    guard bytes.count == algorithm.length else { return nil }
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    self.algorithm = algorithm
    self.hex = String(decoding: text, as: UTF8.self)
  }

  /// The raw bytes, `algorithm.length` of them.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in hex.utf8 {
      let value = digit <= UInt8(ascii: "9") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "a") + 10
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }

  /// Reads `sha512:<hex>`. Throws `usage`.
  public init(parsing text: String) throws(SlipwayError) {
    let parts = text.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, let algorithm = DigestAlgorithm(rawValue: parts[0].lowercased()),
      let digest = Digest(algorithm, hex: String(parts[1]))
    else {
      throw SlipwayError(
        .usage, "'\(text)' is no digest", object: text,
        hint: "give ALGORITHM:HEX, the algorithm one of \(DigestAlgorithm.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    self = digest
  }

  /// `algorithm:hex`.
  public var description: String { "\(algorithm.rawValue):\(hex)" }

  public init(from decoder: any Decoder) throws { try self.init(parsing: decoder.singleValueContainer().decode(String.self)) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// The id by which the image service knows an image: for Glance a UUID in lower case with dashes.
public struct ImageID: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The id, as the image service writes it.
  public let text: String

  /// Nil unless `text` is a UUID (8-4-4-4-12 hexadecimal digits, either case; kept in lower case).
  public init?(_ text: String) {
    guard let canonical = canonicalUUID(text) else { return nil }
    self.text = canonical
  }

  public var description: String { text }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let id = ImageID(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no image id")
    }
    self = id
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// The id of a Ceph cluster: a UUID, compared in lower case.
public struct FSID: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Lower-case UUID text.
  public let text: String

  /// Nil unless `text` is a UUID.
  public init?(_ text: String) {
    guard let canonical = canonicalUUID(text) else { return nil }
    self.text = canonical
  }

  public var description: String { text }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let id = FSID(text) else { throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no fsid") }
    self = id
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// The name of a disk: also an RBD image name and a file name, so 1 to 200 of `A-Z a-z 0-9 . _ -`, first a letter, digit or `_`.
public struct DiskName: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The name.
  public let text: String

  /// Throws `invalid_name` for anything outside the charset, for names that start with `slipway.` (ours), and for `..`.
  public init(_ text: String) throws(SlipwayError) {
    let charset = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-".utf8)
    let allowed = text.utf8.allSatisfy(charset.contains)
    guard allowed, (1...200).contains(text.utf8.count), let first = text.first, first != ".", first != "-", !text.contains(".."),
      !text.hasPrefix("slipway.")
    else {
      throw SlipwayError(
        .invalidName, "'\(text)' is no disk name", object: text,
        hint: "use 1 to 200 letters, digits, '.', '_' or '-', starting with a letter, a digit or '_', and not with 'slipway.'")
    }
    self.text = text
  }

  public var description: String { text }

  public init(from decoder: any Decoder) throws { try self.init(decoder.singleValueContainer().decode(String.self)) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

private func canonicalUUID(_ text: String) -> String? {
  let groups = text.split(separator: "-", omittingEmptySubsequences: false)
  guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12], groups.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isHexDigit } }) else {
    return nil
  }
  return text.lowercased()
}

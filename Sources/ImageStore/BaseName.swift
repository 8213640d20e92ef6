internal import Crypto
public import Model

/// The file name of a base: 40 lower-case hexadecimal digits and `.qcow2` or `.raw` in our own layout, the digits alone in Nova's. Which of the two is a
/// base is the layout's word; anything else is not ours.
public struct BaseName: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  /// The name.
  public let text: String
  /// The format that the name tells; nil in Nova's layout, where names tell none.
  public let format: BaseFormat?

  /// Nil unless `text` has the form of our own layout.
  public init?(_ text: String) {
    // Tens of thousands of names are read at once: nothing is allocated for it.
    let (head, ending) = (text.utf8.prefix(BaseName.digits), text.utf8.dropFirst(BaseName.digits))
    guard BaseName.isHash(head),
      let format = BaseName.formats.first(where: { ending.elementsEqual($0.ending.utf8) })?.format
    else { return nil }
    self.text = text
    self.format = format
  }

  /// Nil unless `text` has the form of Nova's layout.
  public init?(nova text: String) {
    guard BaseName.isHash(text[...].utf8) else { return nil }
    self.text = text
    format = nil
  }

  /// The name under which Nova caches an image: the SHA-1 of its id. Rule: `nova.virt.imagecache.get_cache_fname`.
  public init(novaOf image: ImageID) throws(SlipwayError) {
    text = try Digest.of(Array(image.text.utf8), .sha1).hex
    format = nil
  }

  /// Of either form; nil for neither.
  init?(any text: String) {
    guard let name = BaseName(text) ?? BaseName(nova: text) else { return nil }
    self = name
  }

  private static func isHash(_ bytes: Substring.UTF8View) -> Bool {
    bytes.count == BaseName.digits && bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// From the first digits of a hash.
  init(hash: String, format: BaseFormat) {
    text = "\(hash.prefix(BaseName.digits)).\(format.rawValue)"
    self.format = format
  }

  private static let formats = BaseFormat.allCases.map { (format: $0, ending: ".\($0.rawValue)") }

  /// 160 bits: what a name needs to be unique, and no more than Nova's own names have.
  static let digits = 40

  /// The name of the sidecar in `meta`.
  var sidecar: String { "\(text).json" }
  /// The name of the pin in `meta`: a file of its own, so that the evidence stays as it was written.
  var pin: String { "\(text).pin" }
  /// The name of the mark in `meta` that says the base is damaged.
  var damage: String { "\(text).damage" }
  /// The name of the block hashes in `meta`.
  var blocks: String { "\(text).blocks" }
  /// The name in `locks` of what the holder of the lock tells about its work.
  var work: String { "\(text).work" }
  /// The name in `locks` of the lock file that waiting spawns share.
  var urgent: String { "\(text).urgent" }

  /// Everything in `meta` that goes with the base; the evidence last, so that a base that is half gone is still known for what it is.
  var companions: [String] { [blocks, damage, pin, sidecar] }

  public var description: String { text }
  public static func < (a: BaseName, b: BaseName) -> Bool { a.text < b.text }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let name = BaseName(any: text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no base")
    }
    self = name
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

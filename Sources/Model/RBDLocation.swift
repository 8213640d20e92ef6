/// The four parts of `rbd://fsid/pool/image/snapshot`.
public struct RBDLocation: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The fsid as written (not necessarily a UUID: then it matches no cluster).
  public let fsid: String
  /// The pool's name.
  public let pool: String
  /// The image's name.
  public let image: String
  /// The snapshot's name.
  public let snapshot: String

  /// The four parts, as they are.
  public init(fsid: String, pool: String, image: String, snapshot: String) {
    self.fsid = fsid
    self.pool = pool
    self.image = image
    self.snapshot = snapshot
  }

  /// Splits on `/` first and percent-decodes each part after, so that `%2F` may stand inside a part. Nil unless the scheme is exactly `rbd://`
  /// and there are exactly four parts, none empty, each valid UTF-8 without NUL. (Rule: Cinder `_parse_location`, Nova `RBDDriver.parse_url`.)
  public init?(parsing url: String) {
    guard url.hasPrefix("rbd://") else { return nil }
    let parts = url.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    let decoded = parts.compactMap { PercentEncoding.decode($0) }
    guard decoded.count == 4, decoded.allSatisfy({ !$0.isEmpty && !$0.contains("\0") }) else { return nil }
    self.init(fsid: decoded[0], pool: decoded[1], image: decoded[2], snapshot: decoded[3])
  }

  /// The URL, every part percent-encoded with nothing but unreserved characters left (Python `quote(x, safe='')`).
  public var url: String {
    "rbd://" + [fsid, pool, image, snapshot].map(PercentEncoding.encode).joined(separator: "/")
  }

  /// `pool/image@snapshot`.
  public var description: String { "\(pool)/\(image)@\(snapshot)" }
}

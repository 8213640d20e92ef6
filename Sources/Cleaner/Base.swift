public import Model

/// A base as cleaning sees it. Times are seconds since 1970.
public struct Base: Sendable, Hashable {
  /// An operator's claim.
  public enum Pin: Sendable, Hashable {
    case none
    /// Until it is taken back.
    case lasting
    /// Until that moment, itself no longer included.
    case until(Int64)
  }

  /// Its name in the store.
  public var name: String
  /// Its absolute path.
  public var path: String
  /// Which file it is; nil when it could not be looked at: then it stays.
  public var file: FileIdentity?
  /// Bytes that it occupies on disk.
  public var allocated: ByteCount
  /// When it was published.
  public var created: Int64
  /// When something used it last, by our own record (never the file's times).
  public var lastUse: Int64
  /// An operator's claim.
  public var pin: Pin
  /// Work that claims it, one description each.
  public var leases: [String]
  /// No new disk grows from it. It goes by the same rules as others: what may not go is what a disk stands on.
  public var isDamaged: Bool
  /// Whether it is ours to judge.
  public var isOurs: Bool
  /// Why no request will ask for it again, one clause: its images are deleted, say. Nil when one may.
  public var orphan: String?

  /// A base.
  public init(
    name: String, path: String, file: FileIdentity?, allocated: ByteCount, created: Int64, lastUse: Int64, pin: Pin = .none,
    leases: [String] = [], isDamaged: Bool = false, isOurs: Bool = true, orphan: String? = nil
  ) {
    self.name = name
    self.path = path
    self.file = file
    self.allocated = allocated
    self.created = created
    self.lastUse = lastUse
    self.pin = pin
    self.leases = leases
    self.isDamaged = isDamaged
    self.isOurs = isOurs
    self.orphan = orphan
  }
}

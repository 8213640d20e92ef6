/// A base that nova-compute made, in `slipway cache list --json` and `cache show --json`.
public struct ForeignBaseDocument: Codable, Sendable, Hashable {
  /// The file's name: the SHA-1 of the image's id.
  public var name: String
  /// Absolute path.
  public var path: String
  /// Size of the file in bytes.
  public var size: Int64
  /// Bytes allocated on disk.
  public var allocated: Int64
  /// When nova-compute made or touched it last, RFC 3339.
  public var touched: String
  /// An operator's claim that holds now, null for none.
  @Nullable public var pin: PinDocument.Pin?
  /// What cleaning would do with it now; null unless one image's bases are shown.
  @Nullable public var clean: BaseDocument.CleanState?

  /// A base's document.
  public init(
    name: String, path: String, size: Int64, allocated: Int64, touched: String, pin: PinDocument.Pin? = nil,
    clean: BaseDocument.CleanState? = nil
  ) {
    self.name = name
    self.path = path
    self.size = size
    self.allocated = allocated
    self.touched = touched
    self.pin = pin
    self.clean = clean
  }
}

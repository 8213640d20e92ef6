/// What `slipway config show --json` prints; a setting writes itself as `{"key","value","source"}`.
public struct ConfigShowDocument<Setting: Encodable & Sendable>: Encodable, Sendable {
  /// Version of the documents.
  public var version = 1
  /// The file that was read, null for the embedded defaults.
  @Nullable public var file: String?
  /// Every key, in the order of the documentation.
  public var settings: [Setting]

  /// The document.
  public init(file: String?, settings: [Setting]) {
    self.file = file
    self.settings = settings
  }
}

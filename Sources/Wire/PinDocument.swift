/// What `slipway cache pin --json` and `cache unpin --json` print.
public struct PinDocument: Codable, Sendable, Hashable {
  /// An operator's claim on a base.
  public struct Pin: Codable, Sendable, Hashable {
    /// Why, in the operator's words.
    @Nullable public var note: String?
    /// Since when, RFC 3339.
    public var created: String
    /// From when on it holds no more, RFC 3339; null is never.
    @Nullable public var expires: String?

    /// A pin.
    public init(note: String?, created: String, expires: String?) {
      self.note = note
      self.created = created
      self.expires = expires
    }
  }

  /// One base of the image.
  public struct Base: Codable, Sendable, Hashable {
    /// The file's name in the store.
    public var name: String
    /// Absolute path.
    public var path: String
    /// The pin that holds now, null for none.
    @Nullable public var pin: Pin?

    /// A base.
    public init(name: String, path: String, pin: Pin?) {
      self.name = name
      self.path = path
      self.pin = pin
    }
  }

  /// Version of the documents.
  public var version = 1
  /// What was asked for.
  public var image: String
  /// `pinned`, `unpinned`, or `absent` when there was no pin to take away.
  public var outcome: String
  /// The image's bases.
  public var bases: [Base]

  /// The document.
  public init(image: String, outcome: String, bases: [Base]) {
    self.image = image
    self.outcome = outcome
    self.bases = bases
  }
}

/// What `slipway config import-nova --json` prints.
public struct ConfigImportDocument: Codable, Sendable, Hashable {
  /// An option of Nova's or Glance's that became a key of ours.
  public struct Taken: Codable, Sendable, Hashable {
    /// File and option.
    public var option: String
    /// What it says.
    public var value: String
    /// The key of ours.
    public var key: String
    /// What is written there, as YAML.
    public var setting: String

    /// An option that was taken.
    public init(option: String, value: String, key: String, setting: String) {
      self.option = option
      self.value = value
      self.key = key
      self.setting = setting
    }
  }
  /// An option that became nothing.
  public struct Left: Codable, Sendable, Hashable {
    /// File and option.
    public var option: String
    /// What it says; empty for one that is not set.
    public var value: String
    /// Why, and what to do about it.
    public var why: String

    /// An option that was left.
    public init(option: String, value: String, why: String) {
      self.option = option
      self.value = value
      self.why = why
    }
  }

  /// Version of the documents.
  public var version = 1
  /// nova.conf, as it was named.
  public var nova: String
  /// glance-api.conf, as it was named, or null.
  @Nullable public var glance: String?
  /// What was taken.
  public var taken: [Taken]
  /// What was not, and why.
  public var left: [Left]
  /// One sentence for each thing that is wrong with the result as it stands.
  public var problems: [String]
  /// The configuration, as it would be written to a file.
  public var yaml: String

  /// The document.
  public init(nova: String, glance: String?, taken: [Taken], left: [Left], problems: [String], yaml: String) {
    self.nova = nova
    self.glance = glance
    self.taken = taken
    self.left = left
    self.problems = problems
    self.yaml = yaml
  }
}

/// What `slipway config check --json` prints.
public struct ConfigCheckDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// The file that was read, null for the embedded defaults.
  @Nullable public var file: String?
  /// Whether nothing is wrong.
  public var valid: Bool
  /// One sentence for each thing that is wrong.
  public var problems: [String]
  /// What is worth saying and stops nothing.
  public var warnings: [String]

  /// The document.
  public init(file: String?, problems: [String], warnings: [String]) {
    self.file = file
    valid = problems.isEmpty
    self.problems = problems
    self.warnings = warnings
  }
}

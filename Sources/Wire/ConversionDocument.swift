public import Model

/// How a base's bytes were made from verified ones of another format.
public struct ConversionDocument: Codable, Sendable, Hashable {
  /// The format that was read: `vmdk`, `vhd`, `vhdx` or `vdi`.
  public var from: String
  /// The program, with its version.
  public var by: String
  /// What the result was found to be by inspection.
  public var inspectedFormat: String
  /// What held the program in, in words.
  public var confinement: [String]

  enum CodingKeys: String, CodingKey {
    case from, by, confinement
    case inspectedFormat = "inspected_format"
  }

  /// The document for a conversion.
  public init(_ conversion: ConversionEvidence) {
    from = conversion.from
    by = conversion.by
    inspectedFormat = conversion.inspectedFormat
    confinement = conversion.confinement
  }
}

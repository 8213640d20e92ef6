/// How the bytes of a base were made from verified ones of another format, and what they were found to be.
public struct ConversionEvidence: Sendable, Hashable, Codable {
  /// The format that was read, as the image claims it (`vmdk`, `vhd`, …).
  public var from: String
  /// Who converted, with version (`qemu-img 7.2.22`).
  public var by: String
  /// What the result was found to be by inspection.
  public var inspectedFormat: String
  /// What held the converter in, in words (`no network`, `no files`, …).
  public var confinement: [String]

  /// Evidence of a conversion.
  public init(from: String, by: String, inspectedFormat: String, confinement: [String]) {
    self.from = from
    self.by = by
    self.inspectedFormat = inspectedFormat
    self.confinement = confinement
  }

  enum CodingKeys: String, CodingKey {
    case from, by, confinement
    case inspectedFormat = "inspected_format"
  }
}

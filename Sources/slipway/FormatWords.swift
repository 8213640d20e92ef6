internal import Wire

extension EvidenceDocument {
  /// What the image was found to be, in words: `raw, gpt`, `qcow2 v3`, `iso iso9660, mbr`.
  var formatWords: String {
    [[inspectedFormat, inspectedSubformat].compactMap { $0 }.joined(separator: " "), partitions].compactMap { $0 }.joined(separator: ", ")
  }
}

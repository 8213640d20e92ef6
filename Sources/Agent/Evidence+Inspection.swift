internal import ImageFormats
internal import Model

extension InspectedBytes {
  /// What policy asks of an inspection.
  init(_ found: Inspection) {
    self.init(format: found.format.rawValue, subformat: found.subformat, virtualSize: ByteCount(found.virtualSize))
  }
}

extension Evidence {
  /// Evidence of bytes that inspection accepted, by the rule that held.
  init(
    verdict: DigestVerdict, computed: Digest?, also: [Digest]?, expected: Digest?, expectedFrom: String?, sourceSize: ByteCount,
    _ inspected: Inspection, signatures: [SignatureEvidence]?, policy: PolicyEvidence
  ) {
    self.init(
      verdict: verdict, computed: computed, also: also, expected: expected, expectedFrom: expectedFrom, sourceSize: sourceSize,
      inspectedFormat: inspected.format.rawValue, inspectedSubformat: inspected.subformat, partitions: inspected.partitions?.rawValue,
      verifiedAt: Agent.timestamp(), signatures: signatures, inspectedVirtualSize: ByteCount(inspected.virtualSize), inspection: .accepted,
      policy: policy, verifiedBy: ProgramVersion.program)
  }
}

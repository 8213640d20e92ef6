internal import Model
internal import Wire

extension SignatureEvidenceDocument {
  /// For people: by which certificate, and what it was judged against.
  var words: String {
    let trust = chain.map { "trusted by \($0.map(\.id).joined(separator: ", "))" } ?? "no chain asked for"
    return "certificate \(certificate.id) (\(keyType), \(hash), \(certificate.fingerprint), \(trust)), judged \(verifiedAt)"
  }
}

extension EvidenceDocument {
  /// Evidence for people: what each line is about, and what it says.
  var rows: [(String, String)] {
    var rows = [("digest", digest), ("computed", computed ?? "-")]
    if !also.isEmpty { rows.append(("also", also.joined(separator: ", "))) }
    rows.append(("expected", expected.map { "\($0) (\(expectedFrom ?? "?"))" } ?? "-"))
    rows.append(("signed by", signatures.isEmpty ? "-" : signatures.map(\.words).joined(separator: "; ")))
    let kind = [inspectedSubformat, partitions].compactMap { $0 }.joined(separator: ", ")
    let size = inspectedVirtualSize.map { ", \(ByteCount($0)) virtual" } ?? ""
    rows.append(("inspected", inspectedFormat + (kind.isEmpty ? "" : " (\(kind))") + size + (inspection.map { ": \($0)" } ?? "")))
    if let policy {
      rows.append(("policy", "\(policy.rule): signature \(policy.signature), digest \(policy.digest), clone \(policy.clone)"))
    }
    rows.append(("verified", verifiedAt + (verifiedBy.map { " by \($0)" } ?? "")))
    return rows
  }

  /// Evidence in one line.
  var line: String {
    let signature = signatures.isEmpty ? "" : ", signature of \(signatures.map(\.certificate.id).joined(separator: ", "))"
    return "\(verifiedAt)\(verifiedBy.map { " by \($0)" } ?? ""): \(computed ?? "no digest")\(signature)"
  }
}

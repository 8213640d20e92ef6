internal import Wire

extension SignatureEvidenceDocument {
  /// For people: by which certificate, and what it was judged against.
  var words: String {
    let trust = chain.map { "trusted by \($0.map(\.id).joined(separator: ", "))" } ?? "no chain asked for"
    return "certificate \(certificate.id) (\(keyType), \(hash), \(trust))"
  }
}

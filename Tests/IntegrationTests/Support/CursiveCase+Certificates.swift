import Model

extension CursiveCase {
  /// What the certificate service hands out; `secp384r1/…` are forms of one certificate, by `Secret`.
  static let certificates: [CursiveCase] = [
    leaf("a certificate of two PEM blocks, the first the signer's", .ok, nil, "two"),
    leaf("a certificate of two PEM blocks, the second the signer's", .refused, .certificateUnusable, "second"),
    leaf("a certificate with carriage returns", .ok, nil, "crlf"),
    leaf("a certificate with words before it", .ok, nil, "words"),
    leaf("a certificate stored as text", .crashed, .certificateUnusable, "text"),
    leaf("a certificate in DER", .crashed, .certificateUnusable, "der"),
    leaf("a private key for a certificate", .crashed, .certificateUnusable, "key"),
    leaf("a certificate behind its key", .ok, .certificateUnusable, "behind"),
    leaf("a trusted certificate (OpenSSL's own form)", .crashed, .certificateUnusable, "trusted"),
    leaf("a certificate in base64 twice", .crashed, .certificateUnusable, "base64"),
    leaf("a certificate cut short", .crashed, .certificateUnusable, "cut"),
    leaf("an opaque secret", .refused, .certificateUnusable, "opaque"),
    leaf("a certificate that is not there", .refused, .certificateUnusable, "absent"),
    leaf("another project's certificate", .refused, .certificateUnusable, "theirs"),
    .chain("an expired certificate, nothing trusted", .ok, .certificateUnusable, "expired"),
    .chain("a future certificate, nothing trusted", .ok, .certificateUnusable, "future"),
  ]

  private static func leaf(_ name: String, _ theirs: Verdict, _ ours: ErrorCode?, _ form: String) -> CursiveCase {
    .chain(name, theirs, ours, "secp384r1/" + form)
  }

  /// Which chains are good.
  static let chains: [CursiveCase] = [
    .chain("root and intermediate", .ok, nil, "leaf", "root", "int"),
    .chain("intermediate and root", .ok, nil, "leaf", "int", "root"),
    .chain("the root alone", .refused, .certificateUntrusted, "leaf", "root"),
    .chain("the intermediate alone", .refused, .certificateUntrusted, "leaf", "int"),
    .chain("the leaf alone", .refused, .certificateUntrusted, "leaf", "leaf"),
    .chain("strangers", .refused, .certificateUntrusted, "leaf", "root2"),
    .chain("a leaf right under the root", .ok, nil, "rootleaf", "root"),
    .chain("an expired leaf", .refused, .certificateUnusable, "expired", "root"),
    .chain("a leaf of the future", .refused, .certificateUnusable, "future", "root"),
    .chain("an expired intermediate", .refused, .certificateUntrusted, "under-expiredint", "root", "expiredint"),
    .chain("a path of 0 with one between", .refused, .certificateUntrusted, "under-int0", "path0", "int0"),
    .chain("a path of 0 with none between", .ok, nil, "under-path0", "path0"),
    .chain("a path of 1 with one between", .ok, nil, "under-int1", "path1", "int1"),
    .chain("a CA that is its own leaf, and trusted", .ok, nil, "selfca", "selfca"),
    .chain("a self-signed leaf that is no CA, trusted", .refused, .certificateUntrusted, "secp384r1", "secp384r1"),
    .chain("a trusted one that is not there", .ok, nil, "leaf", "root", "int", "secp384r1/absent"),
    .chain("a trusted one of another project", .ok, nil, "leaf", "root", "int", "secp384r1/theirs"),
    .chain("an opaque secret among the trusted", .ok, nil, "leaf", "root", "int", "secp384r1/opaque"),
    .chain("a trusted one in DER", .crashed, nil, "leaf", "root", "int", "secp384r1/der"),
    .chain("a forged issuer of the root's name", .refused, .certificateUntrusted, "forged", "root"),
    .chain("two that signed each other", .hangs, .certificateUntrusted, "under-a", "a-by-b", "b-by-a"),
    .chain("two that signed each other, and the root of one first", .ok, nil, "under-a", "a", "a-by-b", "b-by-a"),
    .chain("a cross-signed root, its own signature behind the other's", .refused, nil, "under-a", "a-by-root2", "a"),
    .chain("a chain of ten", .ok, nil, "under-c8", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"),
    .chain(
      "a chain of eleven", .ok, .certificateUntrusted, "under-c9", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"),
  ]

  /// Who may sign certificates.
  static let signers: [CursiveCase] =
    ["noca", "nobc", "noku", "wrongku"].map { name in
      .chain("a signer \(name)", .refused, .certificateUntrusted, "under-" + name, "root", name)
    }
    + ["rsa", "dsa", "secp521r1"].map { kind in
      .chain("a CA with a key \(kind)", .ok, nil, "under-ca-" + kind, "ca-" + kind)
    }
    + [
      .chain("a CA with an RSA key of 1024 bits", .ok, .certificateUntrusted, "under-ca-rsa1024", "ca-rsa1024"),
      .chain("a CA with an Ed25519 key", .crashed, .certificateUntrusted, "under-ca-ed25519", "ca-ed25519"),
      .chain("a leaf signed with PSS", .refused, .certificateUntrusted, "pssleaf", "ca-rsa"),
      .chain("a leaf signed over SHA-1", .ok, .certificateUntrusted, "sha1leaf", "root"),
      .chain("a leaf with an unknown critical extension", .ok, .certificateUntrusted, "critical", "root"),
      .chain("a leaf of version 1", .ok, nil, "version1", "root"),
    ]
}

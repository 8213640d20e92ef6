import Model

extension KeyTable {
  private static let keyTypes: [String] = [
    "RSA-PSS", "DSA", "ECC_SECP384R1", "ECC_SECP521R1", "ECC_SECT409K1", "ECC_SECT571K1", "ECC_SECT409R1", "ECC_SECT571R1",
  ]
  private static let formats = ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "ami", "aki", "ari"]
  private static let vmdkSubformats = ["monolithicSparse", "streamOptimized"]

  /// What a rule may say too: name, type, default, meaning.
  private static let demands: [(String, ValueType, String, String)] = [
    ("digest", .choice(DigestRequirement.allCases.map(\.rawValue)), "if-present", "Whether an image without any digest is refused."),
    (
      "signature", .choice(SignatureRequirement.allCases.reversed().map(\.rawValue)), "if-present",
      "Whether an image without a signature is refused. A signature that is there is verified, unless `off`: then nobody looks at signatures, but for "
        + "requests with trusted certificates of their own."
    ),
    (
      "clone", .choice(CloneVerification.allCases.reversed().map(\.rawValue)), "verify-signed",
      "Which images are read and verified, once for each snapshot, before their first clone: signed ones, all, or none (`trust`). A request with trusted "
        + "certificates of its own has a signed one verified whatever is said here."
    ),
    ("min_rsa_bits", .int(1024...16384), "2048", "The smallest RSA key, in bits, whose signatures are accepted."),
    ("min_dsa_bits", .int(1024...16384), "2048", "The smallest DSA key, in bits, whose signatures are accepted."),
    (
      "key_types", .list(.choice(keyTypes)), "[\(keyTypes.joined(separator: ", "))]",
      "The types of keys that may sign an image, in the words of `img_signature_key_type`."
    ),
    (
      "formats", .list(.choice(formats)), "[\(formats.joined(separator: ", "))]",
      "The disk formats that are allowed, in the image service's words. What cannot be read is refused whether it is listed or not."
    ),
    (
      "vmdk_subformats", .list(.choice(vmdkSubformats)), "[\(vmdkSubformats.joined(separator: ", "))]",
      "The kinds of VMDK that are allowed; other kinds keep bytes elsewhere and are always refused."
    ),
    ("max_virtual_size", .size(atLeast: 0), "0", "The most bytes that a guest may see of an image; 0 is no limit."),
    (
      "signature_covers_digest", .bool, "false",
      "Whether a good signature over another hash makes it unnecessary to compute and compare the digest as well (SHA-256 is faster than SHA-512 on most processors)."
    ),
  ]

  static let trustRuleKeys: [Key] =
    [
      Key("owner", .string, "null", nullable: true, "Id of the project whose images the rule is about; null is any."),
      Key("store", .string, "null", nullable: true, "Id of the image service's store in which they lie; null is any."),
    ] + demands.map { Key($0.0, $0.1, "null", nullable: true, "As `trust.\($0.0)`; null leaves it to the next rule.") }

  static let trust: [Key] =
    demands.map { Key("trust.\($0.0)", $0.1, $0.2, $0.3) } + [
      Key(
        "trust.certificates", .choice(["barbican", "directory"]), "barbican",
        "Where certificates come from: the key manager of the cloud, or files `ID.pem` in `trust.certificates_path`."),
      Key("trust.certificates_path", .path, "/etc/slipway/certificates", "The directory of certificates."),
      Key(
        "trust.trusted", .list(.string), "[]",
        "Ids of trusted certificates. With any, the certificate of a signature must have a chain of them up to a self-signed one; a request's own "
          + "(`--trusted-cert`) take their place."),
      Key(
        "trust.rules", .mappings(trustRuleKeys), "[]",
        "What is demanded otherwise of some images. Each question is answered by the first that says something: the rule about this owner in this store, the one "
          + "about this owner, the one about this store, the keys above. An image in several stores gets the strictest answer."),
    ]
}

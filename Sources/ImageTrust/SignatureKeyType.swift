public import Crypto
public import Model

/// What `img_signature_key_type` may say. Case matters, as in cursive (`signature_utils.py`).
public enum SignatureKeyType: String, Sendable, Hashable, CaseIterable {
  case rsaPSS = "RSA-PSS"
  case dsa = "DSA"
  case secp384r1 = "ECC_SECP384R1"
  case secp521r1 = "ECC_SECP521R1"
  case sect409k1 = "ECC_SECT409K1"
  case sect571k1 = "ECC_SECT571K1"
  case sect409r1 = "ECC_SECT409R1"
  case sect571r1 = "ECC_SECT571R1"

  /// The kind of key that it stands for. (cursive takes any curve for any ECC type; we do not: what is said must be what is there.)
  public var key: PublicKey.Kind {
    switch self {
    case .rsaPSS: .rsa
    case .dsa: .dsa
    case .secp384r1: .ec(curve: "secp384r1")
    case .secp521r1: .ec(curve: "secp521r1")
    case .sect409k1: .ec(curve: "sect409k1")
    case .sect571k1: .ec(curve: "sect571k1")
    case .sect409r1: .ec(curve: "sect409r1")
    case .sect571r1: .ec(curve: "sect571r1")
    }
  }

  /// How its signatures are made.
  var scheme: PublicKey.Scheme { self == .rsaPSS ? .pss : .dss }
}

/// What `img_signature_hash_method` may say.
public enum SignatureHash: String, Sendable, Hashable, CaseIterable {
  case sha224 = "SHA-224"
  case sha256 = "SHA-256"
  case sha384 = "SHA-384"
  case sha512 = "SHA-512"

  /// The algorithm.
  public var algorithm: DigestAlgorithm {
    switch self {
    case .sha224: .sha224
    case .sha256: .sha256
    case .sha384: .sha384
    case .sha512: .sha512
    }
  }
}

/// The keys that are accepted: their types, and the fewest bits. On curves the key type says it all.
public struct KeyPolicy: Sendable, Hashable {
  /// Of an RSA modulus.
  public var minimumRSABits: Int
  /// Of a DSA p.
  public var minimumDSABits: Int
  /// What may sign an image; certificates in a chain may be of any type that can be verified.
  public var types: Set<SignatureKeyType>

  /// A policy; NIST SP 800-131A's 2048 bits and all types unless said otherwise.
  public init(minimumRSABits: Int = 2048, minimumDSABits: Int = 2048, types: Set<SignatureKeyType> = Set(SignatureKeyType.allCases)) {
    self.minimumRSABits = minimumRSABits
    self.minimumDSABits = minimumDSABits
    self.types = types
  }

  /// The reason why a key is refused, nil when it is not.
  func refusal(_ kind: PublicKey.Kind, bits: Int) -> String? {
    let minimum =
      switch kind {
      case .rsa: minimumRSABits
      case .dsa: minimumDSABits
      case .ec, .other: 0
      }
    return bits < minimum ? "its key has \(bits) bits, and policy asks for \(minimum)" : nil
  }

  /// Whether evidence of a key of this type and size satisfies it.
  public func accepts(keyType: String, bits: Int) -> Bool {
    guard let type = SignatureKeyType(rawValue: keyType), types.contains(type) else { return false }
    return refusal(type.key, bits: bits) == nil
  }
}

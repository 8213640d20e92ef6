/// Whether an image must be signed, and whether signatures are looked at (`trust.signature`). In order of severity.
public enum SignatureRequirement: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// Nobody looks at a signature.
  case off
  /// A signature that is there is verified.
  case ifPresent = "if-present"
  /// An image without one is refused.
  case required

  public static func < (a: Self, b: Self) -> Bool { a.severity < b.severity }
  private var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// What an operator should know who chose it, one clause; nil for nothing.
  public var warning: String? {
    self == .off ? "signatures are not looked at: a signed image is used although its bytes may be others than were signed" : nil
  }
}

/// Whether a digest must be known (`trust.digest`). In order of severity.
public enum DigestRequirement: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// A digest that is known is compared.
  case ifPresent = "if-present"
  /// An image without one is refused.
  case required

  public static func < (a: Self, b: Self) -> Bool { a == .ifPresent && b == .required }
}

/// Which snapshots are read and verified before disks are cloned from them (`trust.clone`). In order of severity.
public enum CloneVerification: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// None.
  case trust
  /// Those of signed images.
  case verifySigned = "verify-signed"
  /// All.
  case verifyAll = "verify-all"

  public static func < (a: Self, b: Self) -> Bool { a.severity < b.severity }
  private var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// What an operator should know who chose it, one clause; nil for nothing.
  public var warning: String? {
    self == .trust ? "disks are cloned from snapshots that nobody verified, also those of signed images" : nil
  }
}

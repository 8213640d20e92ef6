/// A parser of bytes from outside, and what must hold of it whatever the bytes are.
///
/// `Scripts/fuzz` looks for bytes that break it; the unit tests replay what was found, in `Tests/Corpus/<name>`.
public struct FuzzTarget: Sendable {
  /// Its name, and that of its corpus.
  public let name: String
  /// Gives it the bytes. Says what is wrong with what it made of them, nil when nothing is; a trap is wrong in any case.
  public let check: @Sendable ([UInt8]) -> String?

  /// All targets.
  public static let all: [FuzzTarget] = [
    FuzzTarget(name: "format", check: FormatTarget.check),
    FuzzTarget(name: "qcow2", check: Qcow2Target.check),
    FuzzTarget(name: "backing", check: BackingTarget.check),
    FuzzTarget(name: "location", check: LocationTarget.check),
    FuzzTarget(name: "signature", check: SignatureTarget.check),
    FuzzTarget(name: "certificate", check: CertificateTarget.check),
    FuzzTarget(name: "openstack", check: OpenStackTarget.check),
  ]
}

/// Which Slipway this is.
public enum ProgramVersion {
  /// The version, as `--version` and evidence tell it.
  public static let text = "0.1.0"
  /// The program with its version.
  public static let program = "slipway \(text)"
}

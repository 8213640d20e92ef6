internal import Files

/// How a store is laid out: what bases are called and where they lie, which lock file guards each, and with which modes. Everything else about a
/// store (evidence, leases, what is half-made, the catalog) is the same in every layout and lies in the store's own directory.
public struct Layout: Sendable {
  /// The word in the configuration and in `FORMAT`.
  let word: String
  /// Mode of a published base's file.
  let baseMode: UInt32
  /// Mode of a base's lock file.
  let lockMode: UInt32
  /// The base that a file name stands for; nil for a name that is none of ours.
  let name: @Sendable (String) -> BaseName?
  /// The name of the lock file of a base.
  let lock: @Sendable (BaseName) -> String
  /// Opens the directories for bases and for their lock files, making what is missing; `part` opens one of the store's own.
  let places: @Sendable (_ part: (String, UInt32) throws -> Directory) throws -> Places

  /// Where bases and their lock files are.
  struct Places {
    var bases: Directory
    var baseLocks: Directory
  }

  /// Slipway's own: everything in one directory, names by identity.
  public static let native = Layout(
    word: "native", baseMode: 0o444, lockMode: 0o600, name: { BaseName($0) }, lock: { "\($0).lock" },
    places: { part in
      // Only `bases` is for others to enter: QEMU opens what is in it.
      Places(bases: try part("bases", 0o755), baseLocks: try part("locks", 0o700))
    })

  /// The base that a file beside it (`<base>.<ending>`) belongs to, nil when it is none of ours.
  func base(owning file: String, endings: Set<String>) -> BaseName? {
    guard let dot = file.lastIndex(of: "."), endings.contains(String(file[file.index(after: dot)...])) else { return nil }
    return name(String(file[..<dot]))
  }
}

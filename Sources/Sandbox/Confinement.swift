internal import CLinux

/// What holds a child in; the more the better, and what is missing is worth a word in the log.
public struct Confinement: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A network namespace of its own, with nothing in it.
  public static let network = Confinement(rawValue: 1)
  /// A process namespace of its own: whatever it starts ends with it.
  public static let processes = Confinement(rawValue: 2)
  /// Queues and shared memory of its own.
  public static let ipc = Confinement(rawValue: 4)
  /// A mount namespace of its own, in which /run, /tmp and /var are empty.
  public static let mounts = Confinement(rawValue: 8)
  /// Landlock: no file can be opened but its program and libraries.
  public static let files = Confinement(rawValue: 16)
  /// Neither root nor any capability, and no way to get one.
  public static let user = Confinement(rawValue: 32)

  /// All of them.
  public static let all: Confinement = [.network, .processes, .ipc, .mounts, .files, .user]

  private static let words: [(Confinement, String)] = [
    (.network, "no network"), (.files, "no files"), (.user, "no rights"), (.processes, "own processes"), (.mounts, "own mounts"),
    (.ipc, "own queues"),
  ]

  /// Those that hold, in words; the weightiest first.
  public var names: [String] { Self.words.filter { contains($0.0) }.map(\.1) }

  /// Those that are missing, in words.
  public var missing: [String] { Confinement.all.subtracting(self).names }
}

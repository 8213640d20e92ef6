/// A program to be run by itself, with what it may use.
public struct Child: Sendable {
  /// Absolute path.
  public var program: String
  /// Without the program's own name.
  public var arguments: [String]
  /// Descriptors that it gets as 3, 4, …; ours are closed as soon as it has them, or was not started.
  public var descriptors: [Int32]
  /// Bytes of address space.
  public var addressSpace: Int64 = 2 << 30
  /// CPU time in whole seconds, 1 at least.
  public var cpuSeconds: Int64 = 60
  /// Time on the clock, after which it is killed.
  public var wall: Duration = .seconds(120)
  /// Bytes of standard output that are kept; it may write no file at all.
  public var outputLimit = 1 << 20

  /// A program with the default limits.
  public init(_ program: String, _ arguments: [String] = [], descriptors: [Int32] = []) {
    self.program = program
    self.arguments = arguments
    self.descriptors = descriptors
  }
}

/// How a child ended.
public struct ChildResult: Sendable {
  /// Why it ended.
  public enum End: Sendable, Hashable {
    /// By itself, with an exit status.
    case exited(Int32)
    /// By a signal that we did not send.
    case signalled(Int32)
    /// Killed: its CPU time was used up.
    case cpuUsedUp
    /// Killed: its time on the clock was over.
    case late
    /// Killed by `ChildControl.end`.
    case ended
  }
  /// Why it ended.
  public var end: End
  /// What it printed, cut to the limit.
  public var output: [UInt8]
  /// The first line that it complained with, printable and short; empty when there was none.
  public var complaint: String
  /// What held it in.
  public var held: Confinement

  /// Whether it ended by itself, well.
  public var isSuccess: Bool { end == .exited(0) }
}

internal import Foundation
internal import Glibc

/// Who made something that outlives a process: the host, its boot and the process, so that another process can tell whether the maker is gone.
public struct ProcessOwner: Sendable, Hashable, Codable {
  /// The host's name.
  public var host: String
  /// The kernel's boot id: a new one at each boot, different in every machine.
  public var boot: String
  /// The process id.
  public var pid: Int32
  /// When the process started, in clock ticks since boot (`/proc/PID/stat` field 22): a pid that was given again has another.
  public var started: UInt64
  /// The inode of its pid namespace (`/proc/self/ns/pid`), in which alone `pid` means something; nil where it was not recorded.
  public var pidNamespace: UInt64?

  /// An owner as it was recorded.
  public init(host: String, boot: String, pid: Int32, started: UInt64, pidNamespace: UInt64? = nil) {
    self.host = host
    self.boot = boot
    self.pid = pid
    self.started = started
    self.pidNamespace = pidNamespace
  }

  enum CodingKeys: String, CodingKey {
    case host, boot, pid, started
    case pidNamespace = "pid_namespace"
  }

  /// This process.
  public static let current = ProcessOwner(
    host: hostName(), boot: bootID(), pid: ProcessInfo.processInfo.processIdentifier,
    started: startTime(of: ProcessInfo.processInfo.processIdentifier) ?? 0, pidNamespace: namespace())

  /// What this host can tell about the owner.
  public enum Liveness: Sendable {
    /// It runs.
    case alive
    /// It ended, on this very boot of this host or an earlier one.
    case gone
    /// It belongs to another host or to another pid namespace of this one (a container), of which nothing can be told here.
    case elsewhere
  }

  /// Whether it is known to have ended without trusting a host's name: two hosts may share one, so another boot tells nothing.
  public var hasSurelyEnded: Bool { boot == ProcessOwner.current.boot && liveness == .gone }

  /// Whether the owner still runs, as far as this host can tell. Another boot id under our host's name is an earlier boot of ours.
  public var liveness: Liveness {
    let here = ProcessOwner.current
    if boot == here.boot, let pidNamespace, pidNamespace != here.pidNamespace { return .elsewhere }
    if boot == here.boot { return ProcessOwner.startTime(of: pid) == started ? .alive : .gone }
    return host == here.host ? .gone : .elsewhere
  }

  private static func hostName() -> String {
    // gethostname, not the resolver: a name server that hangs must not hang us.
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func bootID() -> String {
    let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    return text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
  }

  private static func namespace() -> UInt64? {
    var status = stat()
    return stat("/proc/self/ns/pid", &status) == 0 ? UInt64(status.st_ino) : nil
  }

  private static func startTime(of pid: Int32) -> UInt64? {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let close = stat.lastIndex(of: ")") else {
      return nil
    }
    let fields = stat[stat.index(after: close)...].split(separator: " ")
    // Fields are counted from the state, which is the third; a zombie does no more work.
    guard fields.count > 19, fields[0] != "Z" else { return nil }
    return UInt64(fields[19])
  }
}

internal import Model

/// Who protects what in one world: made once, asked for each base.
struct Protection {
  private let world: World
  private let policy: CleanPolicy
  /// Disks by the absolute path, or the file name, of a backing file that cannot be found.
  private let missing: [String: [String]]
  /// Unreadable disks by the path or file name that they may refer to.
  private let suspects: [String: UnreadableDisk]
  /// An unreadable disk that may stand on any base.
  private let universal: UnreadableDisk?

  init(_ world: World, _ policy: CleanPolicy) {
    self.world = world
    self.policy = policy
    var missing: [String: [String]] = [:]
    for (path, disks) in world.missing {
      for key in Self.keys(path) { missing[key, default: []] += disks }
    }
    self.missing = missing
    var suspects: [String: UnreadableDisk] = [:]
    var universal: UnreadableDisk?
    // By name, so that the one that is told does not depend on the order of a scan.
    for disk in world.unreadable.sorted(by: { $0.disk < $1.disk }) {
      switch disk.mayReferTo {
      case .anything: universal = universal ?? disk
      case .path(let path):
        for key in Self.keys(path) where suspects[key] == nil { suspects[key] = disk }
      }
    }
    self.suspects = suspects
    self.universal = universal
  }

  /// Why the base may not go, whatever the limits say; nil when it may. With `besidesUse` the disks that are known to stand on it are no reason.
  func reason(_ base: Base, besidesUse: Bool = false) -> CleanPlan.Keep? {
    func keep(_ reason: KeepReason, _ detail: String? = nil) -> CleanPlan.Keep {
      CleanPlan.Keep(name: base.name, reason: reason, detail: detail)
    }
    if !world.refused.isEmpty, let keep = world.refused[base.name] { return keep }
    guard base.isOurs else { return keep(.notOurs) }
    switch base.pin {
    case .none: break
    case .lasting: return keep(.pinned)
    case .until(let end): if end > world.now { return keep(.pinned, "for \(Self.span(end - world.now)) more") }
    }
    if !base.leases.isEmpty { return keep(.leased, "by \(Self.some(base.leases))") }
    guard let file = base.file else { return keep(.inUse, "it could not be looked at") }
    if !besidesUse, let disks = world.references[file] { return keep(.inUse, "by \(Self.some(disks))") }
    // Mostly there are none, and names are long to hash.
    if !missing.isEmpty, let disks = missing[base.path] ?? missing[base.name] { return keep(.inUse, "named by \(Self.some(disks))") }
    let suspect = suspects.isEmpty ? nil : suspects[base.path] ?? suspects[base.name]
    if let disk = suspect ?? universal {
      return keep(.unreadableDisk, "\(disk.disk): \(disk.problem)")
    }
    // A moment of making that lies ahead means that the clock was set back: its age is not known.
    let (age, overflow) = world.now.subtractingReportingOverflow(base.created)
    if overflow || age < 0 { return keep(.young, "it was made at a time that is still to come: the clock was set back") }
    if age < policy.minAge { return keep(.young, "made \(Self.span(age)) ago, less than \(Self.span(policy.minAge))") }
    if let barrier = world.barriers.first { return keep(.blocked, barrier.detail) }
    return nil
  }

  /// Seconds for people: the largest unit of which there are two.
  private static func span(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds) s"
    case ..<7200: "\(seconds / 60) min"
    case ..<172_800: "\(seconds / 3600) h"
    default: "\(seconds / 86400) d"
    }
  }

  /// A path, and its last component.
  private static func keys(_ path: String) -> Set<String> {
    var keys: Set<String> = [path]
    if let last = path.split(separator: "/").last { keys.insert(String(last)) }
    return keys
  }

  /// The first few of a list, in order.
  private static func some(_ names: [String]) -> String {
    let shown = names.sorted().prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
  }
}

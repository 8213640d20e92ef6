import Cleaner
import Model

/// Shorthands for worlds at second 1 000 000.
enum Bed {
  static let now: Int64 = 1_000_000

  static func file(_ number: UInt64) -> FileIdentity { FileIdentity(device: 1, inode: number) }

  /// A base that was made and used long ago, and that nothing protects; `number` is its inode.
  static func base(_ number: UInt64, created: Int64 = 1000, lastUse: Int64 = 2000, size: Int64 = 100, pin: Base.Pin = .none) -> Base {
    Base(
      name: "b\(number)", path: "/store/bases/b\(number)", file: file(number), allocated: ByteCount(size), created: created,
      lastUse: lastUse, pin: pin)
  }

  static func world(_ bases: [Base]) -> World { World(bases: bases, free: 1000, total: 10_000, now: now) }

  /// Everything that nothing protects goes.
  static let strict = CleanPolicy(unusedFor: 10, minAge: 10)
}

extension CleanPlan {
  var gone: [String] { evictions.map(\.name) }
  var rules: [CleanRule] { evictions.map(\.rule) }
  func keep(_ name: String) -> Keep? { keeps.first { $0.name == name } }
}

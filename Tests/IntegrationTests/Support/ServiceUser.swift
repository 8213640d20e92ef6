import Foundation
import Runtime
import Testing

/// Whom `Scripts/test --as-service` has the program run as: the unprivileged user of the package's unit, with its capabilities and no others. Every
/// second time it is root, as an administrator beside the service is.
enum ServiceUser {
  private struct User: Sendable {
    let id: UInt32
    let capabilities: String
  }

  /// `SLIPWAY_TEST_AS`: `65534:+chown,+lease`.
  private static let user: User? = {
    let parts = ProcessInfo.processInfo.environment["SLIPWAY_TEST_AS"]?.split(separator: ":", maxSplits: 1).map(String.init) ?? []
    return parts.count == 2 ? UInt32(parts[0]).map { User(id: $0, capabilities: parts[1]) } : nil
  }()

  private static let runs = Locked(0)

  /// What stands before the program in its next run.
  static func prefix() -> [String] {
    guard let user else { return [] }
    let isRoot = runs.with { count in
      count += 1
      return count % 2 == 0
    }
    if isRoot { return [] }
    return [
      "/usr/bin/setpriv", "--reuid", "\(user.id)", "--regid", "\(user.id)", "--clear-groups", "--inh-caps=-all,\(user.capabilities)",
      "--ambient-caps=\(user.capabilities)", "--bounding-set=-all,\(user.capabilities)", "--no-new-privs",
    ]
  }

  /// Gives it a directory or a socket of the test.
  static func give(_ path: String) {
    guard let user else { return }
    #expect(chown(path, user.id, user.id) == 0, "\(path) cannot be given to the user")
  }
}

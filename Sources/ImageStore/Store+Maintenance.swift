internal import Runtime
internal import Files
internal import Foundation
internal import Model

/// That an operator stopped background work on this host, since when and why.
public struct Maintenance: Sendable, Hashable, Codable {
  /// Seconds since 1970.
  public var since: Int64
  /// What the operator said.
  public var note: String?

  /// Maintenance from `since` (seconds since 1970) on.
  public init(since: Int64, note: String?) {
    self.since = since
    self.note = note
  }
}

extension Store {
  private static let maintenanceName = "maintenance.json"

  /// Whether background work (cleaning, scrubbing, prewarming) is stopped on this host. A mark that cannot be read counts as stopped.
  public func maintenance() async throws -> Maintenance? {
    try await pool.run {
      guard let bytes = try self.root.contents(of: Self.maintenanceName) else { return nil }
      return (try? JSONDecoder().decode(Maintenance.self, from: Data(bytes))) ?? Maintenance(since: 0, note: nil)
    }
  }

  /// Stops background work, or lets it go on. Stopping twice keeps the first mark's time.
  public func setMaintenance(_ on: Bool, note: String? = nil) async throws {
    let earlier = try await maintenance()
    try await pool.run {
      guard on else {
        _ = try self.root.remove(Self.maintenanceName)
        try self.root.sync()
        return
      }
      let bytes = try JSONEncoder().encode(Maintenance(since: earlier?.since ?? self.now(), note: note ?? earlier?.note))
      let temporary = "\(Self.maintenanceName).\(UInt64.random(in: 0...UInt64.max))"
      try self.root.replace(Self.maintenanceName, with: Array(bytes), mode: 0o644, temporary: temporary, in: self.root)
    }
  }

  /// Throws `busy` while background work is stopped. `what` begins the sentence: "cleaning".
  public func refuseInMaintenance(_ what: String) async throws {
    guard let maintenance = try await maintenance() else { return }
    let note = maintenance.note.map { " (\($0))" } ?? ""
    throw SlipwayError(
      .busy, "\(what) is stopped: the store \(path) is in maintenance\(note)", object: path,
      hint: "let it go on with: slipway maintenance off")
  }
}

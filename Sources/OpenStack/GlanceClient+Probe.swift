internal import HTTPClient
internal import Model
public import Runtime

/// What these credentials can do with a cloud's image service: for `doctor`.
public struct CloudProbe: Sendable {
  /// What is known of locations.
  public enum Locations: Sendable, Hashable {
    /// An image was found whose locations are shown.
    case shown
    /// An image was found, and nothing of its locations: every fetch would be HTTP.
    case hidden
    /// No active image is visible to try with; whether the locations API should answer, by version and roles.
    case untried(likely: Bool)
  }

  /// Keystone's URL; nil without authentication.
  public var authURL: String?
  /// Who we are, without the secret.
  public var identity: String?
  /// The user and project that Keystone says we are.
  public var user: String?
  public var project: String?
  /// The roles that our token carries.
  public var roles: [String]
  /// The image service's root.
  public var endpoint: String
  /// Its API versions (`2.17`), newest first.
  public var versions: [String]
  /// Whether it has the locations API (2.17).
  public var hasLocationsAPI: Bool
  /// Whether a role allows us that API (service or admin, Glance's own default policy).
  public var hasServiceRole: Bool
  /// Whether locations are shown to us.
  public var locations: Locations
}

extension GlanceClient {
  /// Tries token, endpoint, versions and locations. Throws the shared errors at the first that fails.
  public func probe(context: RequestContext) async throws -> CloudProbe {
    let token = try await session?.token(context)
    let endpoint = try await service.endpoint(context)
    let versions = try await self.versions(context)
    let roles = token?.roles ?? []
    let hasAPI = versions.contains { $0.major > 2 || ($0.major == 2 && $0.minor >= 17) }
    let hasRole = session == nil || roles.contains { ["service", "admin"].contains($0.lowercased()) }
    let sample = try await list("status=active&sort=created_at:desc", atMost: 1, .ours, context).first
    var seen = CloudProbe.Locations.untried(likely: hasAPI && hasRole)
    if let sample {
      seen = try await locations(of: sample, .active, .ours, context) == nil ? .hidden : .shown
    }
    return CloudProbe(
      authURL: session?.url, identity: session?.identity, user: token?.user, project: token?.project, roles: roles,
      endpoint: Location.redacted(endpoint), versions: versions.map(\.text), hasLocationsAPI: hasAPI, hasServiceRole: hasRole,
      locations: seen)
  }

  private struct Version: Comparable {
    let major: Int
    let minor: Int
    var text: String { "\(major).\(minor)" }

    init?(_ id: String) {
      let parts = id.drop { $0 == "v" }.split(separator: ".").map { Int($0) }
      guard let first = parts.first, let major = first else { return nil }
      self.major = major
      minor = parts.count > 1 ? parts[1] ?? 0 : 0
    }

    static func < (a: Version, b: Version) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
  }

  /// The versions document, newest first; `/` answers it with 300.
  private func versions(_ context: RequestContext) async throws -> [Version] {
    for path in ["/versions", "/"] {
      let response = try await service.get(path, as: .ours, context)
      guard response.status == 200 || response.status == 300, let entries = JSONValue(response.body)?["versions"]?.array else { continue }
      return entries.compactMap { $0["id"]?.string.flatMap(Version.init) }.sorted(by: >)
    }
    throw service.nonsense("no list of its versions: that is no Glance")
  }
}

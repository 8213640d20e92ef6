internal import Model

/// A token, and what Keystone said with it.
public struct KeystoneToken: Sendable {
  /// The token itself.
  public let secret: Secret
  /// The names of the roles it carries.
  public let roles: [String]
  /// The user's name, or id.
  public let user: String?
  /// The project's name, or id; nil for another scope.
  public let project: String?
  /// When it is no longer to be used: a little before it expires.
  public let usableUntil: ContinuousClock.Instant
  let catalog: Catalog

  /// Nil when `json` is no answer of `POST /v3/auth/tokens`. The lifetime is taken from the answer's own two moments, so that a clock that
  /// differs from Keystone's does no harm.
  init?(_ secret: String, _ json: JSONValue, now: ContinuousClock.Instant) {
    guard let token = json["token"], let expires = token["expires_at"]?.string.flatMap(Timestamp.seconds),
      let issued = token["issued_at"]?.string.flatMap(Timestamp.seconds)
    else { return nil }
    self.secret = Secret(secret)
    roles = (token["roles"]?.array ?? []).compactMap { $0["name"]?.string }
    user = (token["user"]?["name"] ?? token["user"]?["id"])?.string
    project = (token["project"]?["name"] ?? token["project"]?["id"])?.string
    catalog = Catalog(token["catalog"])
    let lifetime = max(0, expires - issued)
    usableUntil = now + .seconds(lifetime - min(60, lifetime / 5))
  }
}

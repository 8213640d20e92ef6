/// Who we are to Keystone, and in which scope (Identity API v3, `POST /v3/auth/tokens`).
public struct Credential: Sendable {
  /// A user or project by id, or by name within a domain.
  enum Named: Sendable {
    case id(String)
    case name(String, domain: Domain)

    var json: JSONValue {
      switch self {
      case .id(let id): ["id": .string(id)]
      case .name(let name, let domain): ["name": .string(name), "domain": domain.json]
      }
    }

    var text: String {
      switch self {
      case .id(let id): id
      case .name(let name, _): name
      }
    }
  }
  enum Domain: Sendable {
    case id(String)
    case name(String)

    var json: JSONValue {
      switch self {
      case .id(let id): ["id": .string(id)]
      case .name(let name): ["name": .string(name)]
      }
    }
  }
  enum Scope: Sendable {
    case project(Named)
    case domain(Domain)
    case system

    var json: JSONValue {
      switch self {
      case .project(let project): ["project": project.json]
      case .domain(let domain): ["domain": domain.json]
      case .system: ["system": ["all": true]]
      }
    }
  }
  enum Method: Sendable {
    case password(user: Named, password: Secret)
    case applicationCredential(id: String, secret: Secret)
    case namedApplicationCredential(name: String, user: Named, secret: Secret)
    case token(Secret)
  }

  let method: Method
  /// Nil for an application credential, which brings its own.
  let scope: Scope?

  /// Who, in words for an error: never the secret.
  public var label: String {
    switch method {
    case .password(let user, _): "user '\(user.text)'"
    case .applicationCredential(let id, _): "application credential '\(id)'"
    case .namedApplicationCredential(let name, let user, _): "application credential '\(name)' of user '\(user.text)'"
    case .token: "the given token"
    }
  }

  /// The request's body.
  var json: JSONValue {
    let identity: JSONValue =
      switch method {
      case .password(let user, let password):
        ["methods": ["password"], "password": ["user": user.json.adding("password", .string(password.value))]]
      case .applicationCredential(let id, let secret):
        ["methods": ["application_credential"], "application_credential": ["id": .string(id), "secret": .string(secret.value)]]
      case .namedApplicationCredential(let name, let user, let secret):
        [
          "methods": ["application_credential"],
          "application_credential": ["name": .string(name), "user": user.json, "secret": .string(secret.value)],
        ]
      case .token(let token): ["methods": ["token"], "token": ["id": .string(token.value)]]
      }
    var auth: [String: JSONValue] = ["identity": identity]
    if let scope { auth["scope"] = scope.json }
    return ["auth": .object(auth)]
  }
}

extension JSONValue {
  /// An object with one more member.
  func adding(_ key: String, _ value: JSONValue) -> JSONValue {
    var members = object ?? [:]
    members[key] = value
    return .object(members)
  }
}

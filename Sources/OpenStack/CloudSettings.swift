internal import Model

/// The flat settings of one cloud, with clouds.yaml's words for keys: `auth`'s members among the others.
struct CloudSettings {
  let cloud: String
  private let values: [String: String]

  init(cloud: String, values: [String: String]) {
    self.cloud = cloud
    self.values = values.filter { !$0.value.isEmpty }
  }

  /// The value of the first of `keys` that has one.
  subscript(_ keys: String...) -> String? { keys.lazy.compactMap { values[$0] }.first }

  /// The configuration. Throws `configuration`, naming the cloud and what is missing or wrong.
  func configuration() throws(SlipwayError) -> CloudConfiguration {
    let type = self["auth_type"] ?? guessedType
    let access: CloudConfiguration.Access
    switch type {
    case "none", "noauth":
      guard let endpoint = self["endpoint", "image_endpoint_override", "endpoint_override"] else { throw missing("endpoint", for: type) }
      access = .endpoint(endpoint)
    case "password", "v3password":
      access = try keystone(.password(user: user(type), password: Secret(need("password", for: type))), scope: scope(type))
    case "v3applicationcredential":
      access = try keystone(applicationCredential(type), scope: nil)
    case "token", "v3token":
      access = try keystone(.token(Secret(need("token", for: type))), scope: scope(type))
    default:
      throw error(
        "auth_type '\(type)' is not supported", hint: "use password, v3applicationcredential, token or none")
    }
    return CloudConfiguration(
      name: cloud, access: access, settings: self, interface: try interface(), caFile: try caFile(), verifiesPeer: try verifiesPeer())
  }

  private var guessedType: String {
    if self["application_credential_secret"] != nil { return "v3applicationcredential" }
    if self["password"] == nil, self["token"] != nil { return "token" }
    if self["auth_url"] == nil, self["endpoint"] != nil { return "none" }
    return "password"
  }

  private func keystone(_ method: Credential.Method, scope: Credential.Scope?) throws(SlipwayError) -> CloudConfiguration.Access {
    guard let url = self["auth_url"] else {
      let hint = self["profile", "cloud"].map { "vendor profiles such as '\($0)' are not read: write auth_url out" }
      throw error("auth_url is missing", hint: hint ?? "set auth.auth_url, such as https://cloud.example:5000/v3")
    }
    return .keystone(authURL: url, Credential(method: method, scope: scope))
  }

  private func applicationCredential(_ type: String) throws(SlipwayError) -> Credential.Method {
    let secret = Secret(try need("application_credential_secret", for: type))
    if let id = self["application_credential_id"] { return .applicationCredential(id: id, secret: secret) }
    guard let name = self["application_credential_name"] else { throw missing("application_credential_id", for: type) }
    return .namedApplicationCredential(name: name, user: try user(type), secret: secret)
  }

  private func user(_ type: String) throws(SlipwayError) -> Credential.Named {
    if let id = self["user_id"] { return .id(id) }
    guard let name = self["username", "user_name"] else { throw missing("username", for: type) }
    return .name(name, domain: domain("user"))
  }

  /// A domain by id or name; without either the one that every Keystone starts with.
  private func domain(_ whose: String) -> Credential.Domain {
    if let id = self["\(whose)_domain_id"] { return .id(id) }
    if let name = self["\(whose)_domain_name"] { return .name(name) }
    if let id = self["default_domain_id", "default_domain"] { return .id(id) }
    if let name = self["default_domain_name"] { return .name(name) }
    return .id("default")
  }

  private func scope(_ type: String) throws(SlipwayError) -> Credential.Scope? {
    if let id = self["project_id", "tenant_id"] { return .project(.id(id)) }
    if let name = self["project_name", "tenant_name"] { return .project(.name(name, domain: domain("project"))) }
    if let id = self["domain_id"] { return .domain(.id(id)) }
    if let name = self["domain_name"] { return .domain(.name(name)) }
    if self["system_scope"] != nil { return .system }
    // A token may be scoped already; a password without a scope gets no catalog.
    if type == "token" || type == "v3token" { return nil }
    throw missing("project_name", for: type)
  }

  private func interface() throws(SlipwayError) -> CloudConfiguration.Interface {
    guard let text = self["image_interface", "interface", "endpoint_type"] else { return .public }
    let stem = text.hasSuffix("URL") ? String(text.dropLast(3)) : text
    guard let interface = CloudConfiguration.Interface(rawValue: stem) else {
      throw error("interface '\(text)' is none", hint: "use public, internal or admin")
    }
    return interface
  }

  private func caFile() throws(SlipwayError) -> String? {
    guard let path = self["cacert"] else { return nil }
    guard isReadableFile(path) else { throw error("cacert '\(path)' cannot be read", hint: "name a file of PEM certificates") }
    return path
  }

  private func verifiesPeer() throws(SlipwayError) -> Bool {
    if let text = self["verify"] { return try flag(text, "verify") }
    if let text = self["insecure"] { return try !flag(text, "insecure") }
    return true
  }

  private func flag(_ text: String, _ key: String) throws(SlipwayError) -> Bool {
    switch text.lowercased() {
    case "true", "yes", "on", "1": return true
    case "false", "no", "off", "0": return false
    default: throw error("\(key) is '\(text)', neither true nor false", hint: nil)
    }
  }

  private func need(_ key: String, for type: String) throws(SlipwayError) -> String {
    guard let value = self[key] else { throw missing(key, for: type) }
    return value
  }

  private func missing(_ key: String, for type: String) -> SlipwayError {
    error("\(key) is missing", hint: "auth_type \(type) needs it, in clouds.yaml under auth, or as OS_\(key.uppercased())")
  }

  private func error(_ reason: String, hint: String?) -> SlipwayError {
    SlipwayError(.configuration, "cloud '\(cloud)': \(reason)", object: cloud, hint: hint)
  }
}

internal import FoundationEssentials
internal import Glibc
public import Model
internal import Yams

/// Where clouds are described: `clouds.yaml` with its secrets apart in `secure.yaml`, and the `OS_*` variables, as openstacksdk reads them.
public struct CloudFiles: Sendable {
  private let environment: [String: String]
  private let directories: [String]

  /// The places of this process. The first file found in the current directory, `~/.config/openstack` and `/etc/openstack` counts;
  /// `OS_CLIENT_CONFIG_FILE` and `OS_CLIENT_SECURE_FILE` come before all.
  public init(environment: [String: String], currentDirectory: String = ".", systemDirectory: String = "/etc/openstack") {
    self.environment = environment
    let configHome = environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { "\($0)/.config" }
    directories = [currentDirectory] + [configHome].compactMap { $0.map { "\($0)/openstack" } } + [systemDirectory]
  }

  /// The cloud called `name`; without a name `OS_CLOUD`'s, else that of the `OS_*` variables, else the only one of clouds.yaml.
  ///
  /// Throws `configuration`: no such cloud (with the names there are), or what is missing of it.
  public func load(_ name: String?) throws(SlipwayError) -> CloudConfiguration {
    if let name = name ?? nonEmpty("OS_CLOUD") { return try named(name) }
    if nonEmpty("OS_AUTH_URL") != nil || nonEmpty("OS_ENDPOINT") != nil {
      return try CloudSettings(cloud: "environment", values: variables).configuration()
    }
    let file = try clouds()
    guard let only = file.clouds.first?.name, file.clouds.count == 1 else {
      throw SlipwayError(
        .configuration, "no cloud is chosen", object: file.path,
        hint: file.clouds.isEmpty
          ? "write clouds.yaml (tried \(file.tried)) or set OS_AUTH_URL and its companions"
          : "name one of \(file.names) (images.cloud, or OS_CLOUD)")
    }
    return try named(only)
  }

  /// The names of clouds.yaml, in its order; empty without such a file. Throws `configuration` when it cannot be read.
  public func names() throws(SlipwayError) -> [String] { try clouds().clouds.map(\.name) }

  // MARK: Files

  private struct File {
    var path: String?
    var tried: String
    var clouds: [(name: String, node: Node)]
    var names: String { clouds.map(\.name).joined(separator: ", ") }
  }

  private func named(_ name: String) throws(SlipwayError) -> CloudConfiguration {
    let file = try clouds()
    guard let node = file.clouds.first(where: { $0.name == name })?.node else {
      let reason = file.path.map { "\($0) has no cloud '\(name)'" } ?? "no cloud '\(name)': there is no clouds.yaml (tried \(file.tried))"
      throw SlipwayError(
        .configuration, reason, object: name,
        hint: file.clouds.isEmpty ? "write it there, or set images.cloud to another, or images.endpoint" : "known: \(file.names)")
    }
    var values = flatten(node)
    let secure = try read("secure", variable: "OS_CLIENT_SECURE_FILE")
    if let node = secure.clouds.first(where: { $0.name == name })?.node { values.merge(flatten(node)) { $1 } }
    if let path = values["cacert"], path.hasPrefix("~/"), let home = environment["HOME"] { values["cacert"] = home + path.dropFirst() }
    return try CloudSettings(cloud: name, values: values).configuration()
  }

  private func clouds() throws(SlipwayError) -> File { try read("clouds", variable: "OS_CLIENT_CONFIG_FILE") }

  private func read(_ stem: String, variable: String) throws(SlipwayError) -> File {
    let candidates = directories.flatMap { directory in ["yaml", "yml", "json"].map { "\(directory)/\(stem).\($0)" } }
    let told = nonEmpty(variable)
    let tried = told ?? directories.map { "\($0)/\(stem).yaml" }.joined(separator: ", ")
    guard let path = told ?? candidates.first(where: { access($0, F_OK) == 0 }) else { return File(path: nil, tried: tried, clouds: []) }
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      let reason = access(path, R_OK) == 0 ? "it is not a text in UTF-8" : String(cString: strerror(errno))
      throw SlipwayError(.configuration, "\(path) cannot be read: \(reason)", object: path, hint: "check \(variable) and the file's rights")
    }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      // The parser's own description quotes the file, secrets and all.
      throw SlipwayError(.configuration, "\(path) is not valid YAML\(place(error))", object: path)
    }
    let mapping = root?.mapping?.first { $0.key.string == "clouds" }?.value.mapping
    let clouds = (mapping ?? [:]).compactMap { entry in entry.key.string.map { (name: $0, node: entry.value) } }
    return File(path: path, tried: tried, clouds: clouds)
  }

  private func place(_ error: any Error) -> String {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      " (line \(mark.line): \(problem))"
    default: ""
    }
  }

  /// One level of scalars, as they are written (a password of digits stays what it is), with `auth`'s members raised to it.
  private func flatten(_ node: Node) -> [String: String] {
    var values: [String: String] = [:]
    for (key, value) in node.mapping ?? [:] {
      guard let key = key.string else { continue }
      if key == "auth" {
        values.merge(flatten(value)) { $1 }
      } else if let text = value.scalar?.string {
        if !isNull(value) { values[key] = text }
      } else if let first = value.sequence?.first, key == "regions" || key == "interface" {
        let text = first.scalar?.string ?? first.mapping?["name"]?.string
        let target = key == "regions" ? "region_name" : key
        if let text, values[target] == nil { values[target] = text }
      }
    }
    return values
  }

  private func isNull(_ node: Node) -> Bool {
    guard let scalar = node.scalar, scalar.style == .plain else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  // MARK: Variables

  private func nonEmpty(_ variable: String) -> String? { environment[variable].flatMap { $0.isEmpty ? nil : $0 } }

  private var variables: [String: String] {
    var values: [String: String] = [:]
    for (key, value) in environment where key.hasPrefix("OS_") { values[key.dropFirst(3).lowercased()] = value }
    return values
  }
}

/// Whether `path` can be opened for reading.
func isReadableFile(_ path: String) -> Bool { access(path, R_OK) == 0 }

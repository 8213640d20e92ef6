public import Model

/// A configuration with where each value came from.
public struct LoadedConfiguration: Sendable {
  /// The typed result.
  public let configuration: Configuration
  /// Every key with its value and source, in the order of the key table.
  public let settings: [Setting]
  /// The file that was read; nil when there was none and the embedded defaults hold.
  public let file: String?
  /// What is worth saying and stops nothing: a lax policy, keys that take effect with a later version, variables that look like a misspelt one.
  public let warnings: [String]

  /// Where a configuration is looked for when neither `--config` nor `SLIPWAY_CONFIG` names one.
  public static let standardFile = "/etc/slipway/slipway.yaml"

  /// Loads: `file` (`--config`), else `SLIPWAY_CONFIG`, else `/etc/slipway/slipway.yaml`, else the embedded defaults; variables override each.
  /// Throws `configuration` with the first thing that is wrong.
  public static func load(file: String? = nil, system: ConfigurationSystem = .live) throws(SlipwayError) -> LoadedConfiguration {
    let (loaded, problems) = try examine(file: file, system: system)
    if let first = problems.first { throw first.error(more: problems.count - 1) }
    guard let loaded else { throw SlipwayError(.internalError, "the configuration could not be read") }
    return loaded
  }

  /// As `load`, and tells everything that is wrong: the configuration is nil exactly when there is something. Throws `configuration` when a file
  /// that was named is not there or cannot be read.
  public static func examine(
    file: String? = nil, system: ConfigurationSystem = .live
  ) throws(SlipwayError) -> (LoadedConfiguration?, [ConfigurationProblem]) {
    let named = Self.named(file, system)
    let path = named ?? standardFile
    let bytes: [UInt8]?
    do { bytes = try system.read(path) } catch { throw SlipwayError.wrap(error) }
    guard let bytes else {
      if named != nil {
        throw SlipwayError(
          .configuration, "there is no configuration file '\(path)'", object: path, hint: "check --config and SLIPWAY_CONFIG")
      }
      let embedded = EmbeddedDefaults(environment: system.environment, home: system.home, isReadable: system.isReadable)
      return try assemble(Document(""), nil, system, embedded.values)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SlipwayError(.configuration, "'\(path)' is not UTF-8", object: path, hint: "write the file in UTF-8")
    }
    return try assemble(Document(text), path, system, [:])
  }

  /// The file that `load` reads, nil when there is none and the embedded defaults hold.
  public static func place(file: String? = nil, system: ConfigurationSystem = .live) -> String? {
    if let named = named(file, system) { return named }
    do {
      return try system.read(standardFile) == nil ? nil : standardFile
    } catch {
      return standardFile  // there, and unreadable
    }
  }

  /// The file that somebody named.
  private static func named(_ file: String?, _ system: ConfigurationSystem) -> String? {
    file ?? system.environment["SLIPWAY_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func assemble(
    _ document: Document, _ file: String?, _ system: ConfigurationSystem, _ embedded: [String: ConfigurationValue]
  ) throws(SlipwayError) -> (LoadedConfiguration?, [ConfigurationProblem]) {
    let place = file ?? "built-in configuration"
    let resolved = Resolved(document: document, file: place, environment: system.environment, embedded: embedded)
    guard resolved.problems.isEmpty else { return (nil, resolved.problems) }
    let configuration = try Configuration(
      resolved.reader, anyOperatorPath: file == nil && !resolved.isSet("file_roots"), isSharingSet: resolved.isSet("store.shared"),
      isLibvirtSet: resolved.isSet("libvirt.uri"))
    let problems = Checks(resolved: resolved, configuration: configuration, file: place).problems
    guard problems.isEmpty else { return (nil, problems) }
    let warnings = configuration.trust.warnings + later(resolved) + misspelt(system.environment)
    return (LoadedConfiguration(configuration: configuration, settings: resolved.ordered, file: file, warnings: warnings), [])
  }

  private static func later(_ resolved: Resolved) -> [String] {
    resolved.ordered.filter { $0.key.effect == .later && $0.source != .default }
      .map { "'\($0.key.path)' (\($0.source)) is accepted and takes effect with a later version" }
  }

  /// Variables that are none of ours but nearly are. Others that begin like ours (of scripts, of tests) are left alone.
  private static func misspelt(_ environment: [String: String]) -> [String] {
    let known = KeyTable.keys.compactMap(\.environmentName) + ["SLIPWAY_CONFIG"]
    var warnings: [String] = []
    for name in environment.keys.sorted() where name.hasPrefix("SLIPWAY_") && !known.contains(name) {
      guard let nearest = Nearest.to(name, among: known), Nearest.distance(name, nearest) <= 2 else { continue }
      warnings.append("the variable \(name) overrides nothing; did you mean \(nearest)?")
    }
    return warnings
  }
}

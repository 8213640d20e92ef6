internal import Model

/// A configuration of ours as nova-compute's (and, where it is given, the image service's) suggests it, with what it was taken from.
///
/// No option that holds a credential is ever looked at: those of the image service belong into clouds.yaml, those of Ceph into keyrings.
public struct NovaImport: Sendable {
  /// An option that became a key of ours.
  public struct Taken: Sendable, Hashable {
    /// File and option: `/etc/nova/nova.conf [libvirt] rbd_user`.
    public let option: String
    /// What it says.
    public let value: String
    /// The key of ours: `clusters[0].user`.
    public let key: String
    /// What is written there, as YAML.
    public let setting: String
  }
  /// An option that means something to disks and images, and became nothing.
  public struct Left: Sendable, Hashable {
    /// File and option, as in `Taken`.
    public let option: String
    /// What it says; empty for one that is not set.
    public let value: String
    /// Why, and what to do about it.
    public let why: String
  }

  /// In the order of reading.
  public internal(set) var taken: [Taken] = []
  /// In the order of reading.
  public internal(set) var left: [Left] = []
  /// Where each came from.
  var sections: [(name: String, lines: [Line])] = []
  /// nova.conf.
  let nova: String
  /// glance-api.conf, nil where none was given.
  let glance: String?

  /// A line of the result: `key: setting`.
  struct Line: Sendable, Hashable {
    var key: String
    var setting: String
    var option: String?
  }

  /// Reads nova.conf with what nova-compute reads beside it, and glance-api.conf where one is given. Blocks.
  ///
  /// Throws `configuration` when a file is missing or is none of oslo's dialect, or when an option has a value that Nova would refuse.
  public static func read(nova path: String, glance: String?) throws -> NovaImport {
    guard let nova = try NovaConf.load(path) else {
      throw SlipwayError(
        .configuration, "\(path) is not there", object: path, hint: "give nova-compute's configuration file with --nova-conf")
    }
    var service = NovaConf()
    if let glance, try !service.add(glance) {
      throw SlipwayError(
        .configuration, "\(glance) is not there", object: glance, hint: "give the image service's configuration file with --glance-conf")
    }
    return try NovaImport(nova, path, glance: glance == nil ? nil : service, glance)
  }

  /// The configuration, each line with where it came from.
  public var yaml: String {
    var lines = [
      "# /etc/slipway/slipway.yaml, made by 'slipway config import-nova' from \(([nova] + (glance.map { [$0] } ?? [])).joined(separator: " and ")).",
      "# Look it over, then: slipway config check; slipway doctor",
    ]
    for section in sections {
      let isList = section.name.hasSuffix("[]")
      if !section.name.isEmpty { lines.append("\(isList ? String(section.name.dropLast(2)) : section.name):") }
      var begins = isList
      for line in section.lines {
        // A name begins the next mapping of a list.
        begins = begins || (isList && line.key == "name")
        let indent = section.name.isEmpty ? "" : isList ? (begins ? "  - " : "    ") : "  "
        lines.append("\(indent)\(line.key): \(line.setting)" + (line.option.map { "   # \($0)" } ?? ""))
        begins = false
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

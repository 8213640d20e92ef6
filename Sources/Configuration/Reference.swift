/// The page about the configuration, made from the key table; a test holds the committed page against it.
public enum Reference {
  /// `docs/configuration.md`.
  public static var markdown: String {
    var parts = [introduction]
    for section in KeyTable.sections { parts.append(chapter(section.name, section.doc)) }
    parts.append(without)
    return parts.joined(separator: "\n")
  }

  private static let introduction = """
    # Configuration

    This page is made from the key table in `Sources/Configuration`; do not edit it by hand.

    One YAML file: `--config FILE`, else the file that `SLIPWAY_CONFIG` names, else `/etc/slipway/slipway.yaml`. Every key has a default.
    An unknown key is an error that names the nearest known one; so is a value of the wrong type or range, with file and line.
    `slipway config check` says everything that is wrong, `slipway config show` every value and where it came from.

    A variable overrides its key, whatever the file says. In a variable the items of a list are separated by commas.

    | What | Written |
    |---|---|
    | size | bytes, or a number with `K`, `M`, `G` or `T` (binary): `512M`, `1.5T` |
    | duration | a whole number with `s`, `m`, `h` or `d`: `30s`, `40m`, `24h`, `30d` |
    | percent | `1%` to `99%` |
    | nothing | `null` |

    Keys marked *later* are accepted and checked, and take effect with a later version.

    """

  private static let without = """
    ## Without a configuration file

    The store and disks lie under `$XDG_STATE_HOME/slipway` (`~/.local/state/slipway`), also for root. Disks are made as qcow2. Paths and URLs
    that the user types are allowed, wherever they lie. A readable ceph.conf (`CEPH_ARGS`, `CEPH_CONF`, else `/etc/ceph/ceph.conf`) is the
    cluster `main`, opened as `admin` unless `CEPH_ARGS` names a user, and every pool of it may be read. The image service is the one that
    the environment names (`OS_CLOUD` or `OS_*`). libvirt is left alone. Variables override these defaults too.

    """

  private static func chapter(_ name: String, _ doc: String) -> String {
    let keys = KeyTable.keys.filter { ($0.section ?? (KeyTable.names.contains($0.path) ? $0.path : "")) == name }
    var lines = [
      "## \(name.isEmpty ? "Routes" : name)", "", doc, "", "| Key | Value | Default | Variable | Meaning |", "|---|---|---|---|---|",
    ]
    for key in keys { lines += rows(key) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func rows(_ key: Key) -> [String] {
    var rows = [row(key, key.path)]
    switch key.type {
    case .mappings(let inner): rows += inner.map { row($0, "\(key.path)[].\($0.name)", inner: true) }
    case .table(let inner): rows += inner.map { row($0, "\(key.path).NAME.\($0.name)", inner: true) }
    default: break
    }
    return rows
  }

  private static func row(_ key: Key, _ path: String, inner: Bool = false) -> String {
    let variable = inner ? nil : key.environmentName
    let aliases = key.aliases.isEmpty ? "" : " Also read as " + key.aliases.map { "`\($0)`" }.joined(separator: ", ") + "."
    let later = key.effect == .later ? " *later*" : ""
    let cells = [
      "`\(path)`", key.type.title + (key.isNullable ? ", or null" : ""), key.defaultText.map { "`\($0)`" } ?? "must be given",
      variable.map { "`\($0)`" } ?? "", key.doc + aliases + later,
    ]
    return "| " + cells.joined(separator: " | ") + " |"
  }
}

extension KeyTable {
  fileprivate static let names = Set(sections.map(\.name))
}

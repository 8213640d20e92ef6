internal import Model

extension NovaImport {
  /// A file of oslo's with its path, for the words that name an option.
  struct Options {
    let conf: NovaConf
    let path: String

    func value(_ group: String, _ key: String) throws(SlipwayError) -> String? { try conf.value(group, key) }
    func flag(_ group: String, _ key: String) throws(SlipwayError) -> Bool? { try conf.flag(group, key) }
    func name(_ group: String, _ key: String) -> String { "\(path) [\(group)] \(key)" }
  }

  /// A section of the result while it grows; its name ends in `[]` for a list of mappings, and is empty at the top.
  struct Lines {
    let name: String
    var lines: [Line] = []

    init(_ name: String) { self.name = name }

    /// Adds a line, and notes where it came from.
    mutating func add(
      _ key: String, _ setting: String, from option: String?, _ value: String, _ result: inout NovaImport, as path: String? = nil
    ) {
      lines.append(Line(key: key, setting: setting, option: option))
      guard let option else { return }
      result.taken.append(Taken(option: option, value: value, key: path ?? (name.isEmpty ? key : "\(name).\(key)"), setting: setting))
    }
  }
}

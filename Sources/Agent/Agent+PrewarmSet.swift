internal import Configuration
internal import Model
internal import OpenStack

extension Agent {
  /// What a set of the configuration wants, with its keep time. Throws `usage` for a name that is no set's.
  public func prewarmSet(named name: String) throws -> (wanted: PrewarmRequest.Wanted, keep: (time: Duration, note: String)?) {
    guard let set = configuration.prewarm.sets.first(where: { $0.name == name }) else {
      let names = configuration.prewarm.sets.map(\.name)
      throw SlipwayError(
        .usage, "the configuration has no prewarm set '\(name)'", object: name,
        hint: names.isEmpty ? "make one under prewarm.sets" : "there are: \(names.joined(separator: ", "))")
    }
    let keep = set.keep > .zero ? (set.keep, "prewarm set \(name)") : nil
    if let tag = set.tag { return (.selection(.tag(tag)), keep) }
    return (.images(try (set.images ?? []).map { try ImageReference(parsing: $0) }), keep)
  }
}

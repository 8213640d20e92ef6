import Model

/// What no single key can tell: names that must be unique or known, and keys that exclude each other.
struct Checks {
  let resolved: Resolved
  let configuration: Configuration
  let file: String
  private(set) var problems: [ConfigurationProblem] = []

  init(resolved: Resolved, configuration: Configuration, file: String) {
    self.resolved = resolved
    self.configuration = configuration
    self.file = file
    clusterNames()
    knownClusters()
    imageService()
    prewarmSets()
    tiers()
    places()
    trust()
  }

  private mutating func complain(_ key: String, _ message: String, _ hint: String) {
    let source = resolved.settings[key]?.source
    switch source {
    case .file(let path, let line): problems.append(.init(place: path, line: line, key: key, message: message, hint: hint))
    case .environment(let name): problems.append(.init(place: name, line: nil, key: key, message: message, hint: hint))
    case .default, nil: problems.append(.init(place: file, line: nil, key: key, message: message, hint: hint))
    }
  }

  private mutating func clusterNames() {
    var seen: Set<String> = []
    for cluster in configuration.clusters where !seen.insert(cluster.name).inserted {
      complain("clusters", "two clusters are called '\(cluster.name)'", "give each its own name")
    }
  }

  private mutating func knownClusters() {
    let names = configuration.clusters.map(\.name)
    let hint = names.isEmpty ? "add it to 'clusters'" : "'clusters' has \(names.joined(separator: ", "))"
    // The default name counts only where it would be used: a host without RBD needs no cluster.
    let disksMatter = resolved.differs("disks.cluster") || (configuration.disks.target == .rbd && !names.isEmpty)
    if disksMatter, !names.contains(configuration.disks.cluster) {
      complain("disks.cluster", "'disks.cluster' names '\(configuration.disks.cluster)', which is no configured cluster", hint)
    }
    if resolved.differs("bases.cluster"), !names.contains(configuration.bases.cluster) {
      complain("bases.cluster", "'bases.cluster' names '\(configuration.bases.cluster)', which is no configured cluster", hint)
    }
    for (name, backend) in configuration.cinderBackends.sorted(by: { $0.key < $1.key }) where !names.contains(backend.cluster) {
      complain("cinder.backends", "the backend '\(name)' names '\(backend.cluster)', which is no configured cluster", hint)
    }
  }

  private mutating func tiers() {
    var (names, pools): (Set<String>, Set<String>) = ([Configuration.Tier.rest], [configuration.bases.rest.pool])
    for tier in configuration.bases.tiers.dropLast() {
      if !names.insert(tier.name).inserted {
        complain("bases.tiers", "two tiers are called '\(tier.name)'", "give each its own name; 'default' is bases.pool itself")
      }
      if !pools.insert(tier.pool).inserted {
        complain("bases.tiers", "the pool '\(tier.pool)' of the tier '\(tier.name)' has bases of another tier", "give each its own pool")
      }
    }
  }

  private mutating func imageService() {
    if configuration.images.endpoint != nil, resolved.settings["images.cloud"]?.value != .null, resolved.differs("images.cloud") {
      complain("images.endpoint", "'images.cloud' and 'images.endpoint' exclude each other", "keep one of them")
    }
  }

  private mutating func prewarmSets() {
    var seen: Set<String> = []
    for set in configuration.prewarm.sets {
      if (set.tag == nil) == (set.images == nil) {
        complain("prewarm.sets", "the set '\(set.name)' must have either 'tag' or 'images'", "give one of them")
      }
      if set.images?.isEmpty == true {
        complain("prewarm.sets", "the set '\(set.name)' lists no image", "name one, or take the set out")
      }
      if let tag = set.tag, tag.contains(",") {
        complain("prewarm.sets", "the tag '\(tag)' of the set '\(set.name)' has a comma, which no tag has", "make a set for each tag")
      }
      if !seen.insert(set.name).inserted { complain("prewarm.sets", "two sets are called '\(set.name)'", "give each its own name") }
    }
  }

  private mutating func trust() {
    var seen: Set<[String?]> = []
    for rule in configuration.trust.rules {
      if rule.owner == nil, rule.store == nil {
        complain("trust.rules", "a rule of 'trust.rules' names neither 'owner' nor 'store'", "name one, or set the keys of 'trust' itself")
      } else if !seen.insert([rule.owner, rule.store]).inserted {
        complain("trust.rules", "two rules of 'trust.rules' are about \(rule.subject)", "write them as one")
      }
    }
    let empty = "is empty, so that no image could be used"
    if configuration.trust.defaults.formats?.isEmpty == true {
      complain("trust.formats", "'trust.formats' \(empty)", "list what is allowed")
    }
    for rule in configuration.trust.rules where rule.formats?.isEmpty == true {
      complain("trust.rules", "'formats' of the rule about \(rule.subject) \(empty)", "list what is allowed, or leave it out")
    }
  }

  private mutating func places() {
    if configuration.store.path == configuration.disks.path {
      complain("disks.path", "'disks.path' and 'store.path' are the same directory", "keep disks apart from bases")
    }
  }
}

internal import Model

/// What a search knows so far: the graph of who stands on what, and what is still to be done. No I/O.
struct ScanState {
  private let limits: ReferenceScan.Limits
  private let bases: Set<FileIdentity>
  private var waiting: [ScanStep]
  private var directories: Set<FileIdentity> = []
  private var nodes: [FileIdentity: [ScanNode]] = [:]
  private var asked: Set<FileIdentity> = []
  /// How often a directory was looked into, and those that are about to be looked into again.
  private var looks: [String: Int] = [:]
  private var due: Set<String> = []
  private var entries = 0
  private var found = DiskReferences()
  /// Directories that are not looked into.
  var excluded: Set<FileIdentity> = []
  var incomplete: String?

  init(roots: [String], named: [NamedDisk] = [], bases: Set<FileIdentity>, limits: ReferenceScan.Limits) {
    self.bases = bases
    self.limits = limits
    waiting = named.map { .named($0) } + roots.reversed().map { .root($0) }
  }

  /// The next pieces for one thread, several when many wait. None is left when there are none.
  mutating func next(threads: Int) -> [ScanStep] {
    let count = min(32, max(1, waiting.count / threads))
    var steps: [ScanStep] = []
    while steps.count < count, let step = next() { steps.append(step) }
    return steps
  }

  /// The next piece; the last that was found comes first, so that few wait.
  private mutating func next() -> ScanStep? {
    guard incomplete == nil, let step = waiting.popLast() else { return nil }
    if case .directory(let path, _) = step { due.remove(path) }
    return step
  }

  mutating func merge(_ answer: ScanAnswer) {
    waiting += answer.next
    for directory in answer.directories where !excluded.contains(directory.identity) && directories.insert(directory.identity).inserted {
      guard directory.depth <= limits.depth else {
        incomplete = "\(directory.path) lies more than \(limits.depth) directories deep"
        return
      }
      waiting.append(.directory(directory.path, depth: directory.depth))
    }
    if let again = answer.again, due.insert(again.path).inserted {
      looks[again.path, default: 1] += 1
      if looks[again.path, default: 1] <= limits.looks { waiting.append(.directory(again.path, depth: again.depth)) }
    }
    for file in answer.backing where asked.insert(file.identity).inserted { waiting.append(.backing(file.path, format: file.format)) }
    // Only what leads somewhere is kept, so that memory does not grow with files of no interest.
    for node in answer.nodes where !node.backing.isEmpty || !node.missing.isEmpty || bases.contains(node.identity) {
      nodes[node.identity, default: []].append(node)
    }
    for disk in answer.absent { found.missing[disk.path, default: []].append("domain '\(disk.domain)'") }
    for (path, domains) in answer.domains { found.domains[path, default: []] += domains }
    found.unreadable += answer.unreadable
    found.vanished += answer.vanished
    found.files += answer.files
    entries += answer.files + answer.directories.count
    if entries > limits.entries { incomplete = "there are more than \(limits.entries) files under the directories of disks" }
  }

  /// Domains by the paths of their disks: all paths by which the search found those files.
  private var domains: [String: [String]] {
    var domains = found.domains
    for same in nodes.values where same.count > 1 {
      let all = same.flatMap { found.domains[$0.path] ?? [] }
      if !all.isEmpty { for node in same { domains[node.path] = all } }
    }
    return domains.mapValues { Array(Set($0)).sorted() }
  }

  /// The answer: for each base the disks that reach it.
  var references: DiskReferences {
    var result = found
    result.incomplete = incomplete
    result.domains = domains
    for disk in nodes.values.joined() where disk.isDisk {
      if !disk.backing.isEmpty || !disk.missing.isEmpty { result.overlays += 1 }
      var seen: Set<FileIdentity> = [disk.identity]
      var ahead = [disk.identity]
      while let file = ahead.popLast() {
        if bases.contains(file) { result.references[file, default: []].append(disk.path) }
        // By identity: what a file stands on does not depend on the name by which it was found.
        for node in nodes[file] ?? [] {
          for path in node.missing { result.missing[path, default: []].append(disk.path) }
          for next in node.backing where seen.insert(next).inserted { ahead.append(next) }
        }
      }
    }
    for (file, disks) in result.references { result.references[file] = Array(Set(disks)).sorted() }
    for (path, disks) in result.missing { result.missing[path] = Array(Set(disks)).sorted() }
    result.unreadable.sort { $0.path < $1.path }
    result.vanished = Array(Set(result.vanished)).sorted()
    return result
  }
}

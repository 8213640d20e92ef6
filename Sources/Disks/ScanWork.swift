internal import Files
internal import ImageFormats
internal import Model

/// Does the pieces of a search. Blocks: for owned threads.
struct ScanWork: Sendable {
  let limits: ReferenceScan.Limits
  /// Files that need no look: where a chain may end.
  let bases: Set<FileIdentity>
  /// For tests: told of each file before it is opened.
  let willOpen: @Sendable (String) -> Void

  static func identity(of path: String) -> FileIdentity? { (try? FileStatus.of(path))?.identity }

  func answer(_ step: ScanStep) -> ScanAnswer {
    switch step {
    case .root(let path): root(path)
    case .directory(let path, let depth): directory(path, depth)
    case .files(let files, let path, let depth): self.files(files, path, depth)
    case .named(let disk): named(disk)
    case .backing(let path, let format): backing(path, format)
    }
  }

  private func root(_ path: String) -> ScanAnswer {
    var answer = ScanAnswer()
    do throws(SlipwayError) {
      if let status = try FileStatus.of(path) {
        answer.directories.append(ScanAnswer.Place(path: path, depth: 0, identity: status.identity))
      } else if try FileStatus.of(path, followSymlinks: false) != nil {
        answer.unreadable.append(.init(path: path, mayReferTo: nil, problem: "it is a symbolic link that leads nowhere"))
      }
      // A root that is not there holds no disks: hosts without Nova lack the one that is configured by default.
    } catch {
      answer.unreadable.append(.init(path: path, mayReferTo: nil, problem: error.message))
    }
    return answer
  }

  private func directory(_ path: String, _ depth: Int) -> ScanAnswer {
    var answer = ScanAnswer()
    func unreadable(_ path: String, _ problem: String) {
      answer.unreadable.append(.init(path: path, mayReferTo: nil, problem: problem))
    }
    let entries: [DirectoryEntry]
    do throws(SlipwayError) {
      let directory = try Directory.following(path, missing: .sourceNotFound)
      defer { try? directory.close() }
      entries = try directory.entries(limit: limits.entries)
    } catch {
      if error.code == .sourceNotFound { answer.vanished.append(path) } else { unreadable(path, error.message) }
      return answer
    }
    let formats = entries.contains { $0.name == "disk.info" } ? DiskNames.formats(in: path) : [:]
    var files: [ScanFile] = []
    for entry in entries {
      let child = path == "/" ? "/\(entry.name)" : "\(path)/\(entry.name)"
      guard entry.isExact else {
        unreadable(child, "its name is not UTF-8")
        continue
      }
      switch entry.target {
      case .gone:
        answer.vanished.append(child)
        answer.again = (path, depth)
      case .nowhere: unreadable(child, "it is a symbolic link that leads nowhere")
      case .hidden(let error): unreadable(child, "it cannot be looked at: \(error)")
      case .found(let status):
        switch status.kind {
        case .directory: answer.directories.append(ScanAnswer.Place(path: child, depth: depth + 1, identity: status.identity))
        case .regular, .blockDevice:
          files.append(ScanFile(path: child, name: entry.name, format: formats[entry.name] ?? DiskNames.format(of: entry.name)))
        case .symbolicLink, .other: break
        }
      }
    }
    // The first few at once, as most directories hold no more; the rest for whoever is free.
    let few = min(files.count, 64)
    read(files[..<few], path, depth, &answer)
    for start in stride(from: few, to: files.count, by: 64) {
      answer.next.append(.files(Array(files[start..<min(start + 64, files.count)]), directory: path, depth: depth))
    }
    return answer
  }

  private func files(_ files: [ScanFile], _ path: String, _ depth: Int) -> ScanAnswer {
    var answer = ScanAnswer()
    read(files[...], path, depth, &answer)
    return answer
  }

  private func read(_ files: ArraySlice<ScanFile>, _ path: String, _ depth: Int, _ answer: inout ScanAnswer) {
    for file in files {
      willOpen(file.path)
      let head = DiskHead.read(file.path, format: file.format, isExpected: DiskNames.isDisk(file.name))
      note(file.path, head, isDisk: true, isRaw: file.format == "raw", &answer)
    }
    answer.files += files.count
    if !answer.vanished.isEmpty { answer.again = (path, depth) }
  }

  /// A disk that is not there holds nothing but its own path: a domain whose disk was deleted is no rarity, and must not stop the cleaning of a host.
  private func named(_ disk: NamedDisk) -> ScanAnswer {
    var answer = ScanAnswer()
    answer.domains[disk.path] = [disk.domain]
    do throws(SlipwayError) {
      guard let status = try FileStatus.of(disk.path) else {
        answer.absent.append(disk)
        return answer
      }
      switch status.kind {
      case .regular, .blockDevice: break
      case .directory, .symbolicLink, .other: return answer
      }
      answer.files = 1
      // What is opened as raw stands on nothing, whatever its guest writes into its first bytes; a drive without a medium cannot even be opened.
      guard disk.format != "raw" else {
        answer.nodes.append(ScanNode(path: disk.path, identity: status.identity, isDisk: true))
        return answer
      }
    } catch {
      answer.unreadable.append(.init(path: disk.path, mayReferTo: nil, problem: error.message))
      return answer
    }
    willOpen(disk.path)
    note(disk.path, DiskHead.read(disk.path, format: disk.format, isExpected: false), isDisk: true, isRaw: false, &answer)
    // Renamed or deleted just now: the next look finds what has become of it.
    for gone in answer.vanished {
      answer.unreadable.append(
        .init(path: gone, mayReferTo: nil, problem: "it went while it was looked at, and domain \(disk.domain) has it"))
    }
    return answer
  }

  private func backing(_ path: String, _ format: String?) -> ScanAnswer {
    var answer = ScanAnswer()
    willOpen(path)
    note(path, DiskHead.read(path, format: format, isExpected: false), isDisk: false, isRaw: format == "raw", &answer)
    // It was there a moment ago: what has taken its place is not known.
    for gone in answer.vanished {
      answer.unreadable.append(.init(path: gone, mayReferTo: nil, problem: "it went while a disk that stands on it was read"))
    }
    return answer
  }

  private func note(_ path: String, _ head: DiskHead, isDisk: Bool, isRaw: Bool, _ answer: inout ScanAnswer) {
    switch head {
    case .vanished: answer.vanished.append(path)
    case .alone(let status): answer.nodes.append(ScanNode(path: path, identity: status.identity, isDisk: isDisk))
    case .names(let reference, let status):
      var node = ScanNode(path: path, identity: status.identity, isDisk: isDisk)
      switch BackingName.meaning(of: reference, in: { folders(of: path) }) {
      case .remote: break
      // The first bytes of a raw disk are its guest's to choose: they must not stop the cleaning of a host.
      case .unknown(let problem): if !isRaw { answer.unreadable.append(.init(path: path, mayReferTo: nil, problem: problem)) }
      case .files(let files):
        for places in files { follow(places, format: reference.format, &node, &answer) }
      }
      answer.nodes.append(node)
    case .unreadable(let problem, let status, let salvage):
      let identity = status?.identity ?? Self.identity(of: path) ?? FileIdentity(device: 0, inode: 0)
      var node = ScanNode(path: path, identity: identity, isDisk: isDisk)
      if let salvage, case .files(let files) = BackingName.meaning(of: salvage, in: { folders(of: path) }) {
        for places in files { follow(places, format: nil, &node, &answer) }
      }
      // A name in a damaged header that leads nowhere may itself be damaged: it says nothing.
      node.missing = []
      if let base = DiskNames.recordedBase(path) { follow([base], format: nil, &node, &answer) }
      let known = node.named + node.missing
      answer.unreadable.append(.init(path: path, mayReferTo: known.isEmpty ? nil : known, problem: problem))
      answer.nodes.append(node)
    }
  }

  /// Notes a file that `node` names. It lies at the first of `places` where something is; at several when several are there.
  private func follow(_ places: [String], format: String?, _ node: inout ScanNode, _ answer: inout ScanAnswer) {
    var isThere = false
    for place in places {
      do throws(SlipwayError) {
        guard let status = try FileStatus.of(place) else { continue }
        isThere = true
        node.backing.append(status.identity)
        node.named.append(place)
        guard !bases.contains(status.identity) else { continue }
        answer.backing.append(ScanAnswer.Named(path: place, format: format, identity: status.identity))
      } catch {
        isThere = true
        answer.unreadable.append(.init(path: node.path, mayReferTo: places, problem: error.message))
      }
    }
    if !isThere { node.missing += places }
  }

  /// The directories from which a relative name in the file counts: that of its path and, where links lead to it, that of the file itself.
  private func folders(of path: String) -> [String] {
    func folder(_ path: String) -> String {
      guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
      return String(path[..<slash])
    }
    let near = folder(path)
    guard let real = FileStatus.resolved(path), folder(real) != near else { return [near] }
    return [near, folder(real)]
  }
}

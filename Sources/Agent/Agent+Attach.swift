public import Disks
internal import ImageStore
internal import Libvirt
public import LibvirtReport
internal import Model
public import Runtime

extension Agent {
  /// Gives a disk of ours to a domain. Unlike other reports this was asked for: what fails, fails the request; the disk stays.
  ///
  /// Throws `configuration` without libvirt, `domain_not_found`, `in_use` for a device that is taken, `libvirt_unavailable`, `libvirt_failed`.
  public func attach(
    _ info: DiskInfo, to domain: String, mode: DiskAttachment.Mode, choices: DiskElement.Choices, isFirm: Bool, context: RequestContext
  ) async throws -> DiskAttachment {
    let libvirt = try neededLibvirt("attach disk '\(info.record.name)'")
    let element = try await libvirtView(of: info, choices: choices, context: context).element
    let entry = await metadata(of: info, context)
    return try await libvirt.call("attach disk '\(info.record.name)' to domain '\(domain)'", deadline: context.deadline) {
      try DiskAttachment.attach($0, to: domain, element, isFirm: isFirm, mode: mode, entry: entry)
    }
  }

  /// The domains that have the disk, running or defined; none without libvirt. Throws `libvirt_unavailable` and the like: "none" is only said by those
  /// who know.
  func domains(using info: DiskInfo, _ context: RequestContext) async throws -> [DomainView] {
    guard let libvirt else { return [] }
    let source = Self.domainSource(of: info)
    return try await libvirt.call("ask which domain has disk '\(info.record.name)'", deadline: context.deadline) {
      try DomainView.all($0).filter { $0.disks.contains { $0.source == source } }
    }
  }

  /// Domains whose disk stands on this one, as after an external snapshot, by name. What cannot be read tells nothing here: a machine that runs keeps all
  /// its files open, which the deletion sees.
  func domainsStanding(on info: DiskInfo, _ context: RequestContext) async throws -> [String] {
    guard let libvirt, info.record.request.target != .rbd else { return [] }
    let views = try await libvirt.call("ask what domains have", deadline: context.deadline) { try DomainView.all($0) }
    let disks = try await fileDisks()
    var names: Set<String> = []
    for view in views {
      for case .path(let path)? in view.disks.filter({ $0.format == "qcow2" }).map(\.source) where path != info.path {
        let layers = (try? await disks.backing(ofQcow2: path)) ?? []
        if layers.contains(where: { $0.path == info.path }) { names.insert(view.name) }
      }
    }
    return names.sorted()
  }

  /// Takes a disk off every domain that has it, and waits until running guests have let go of it.
  func detach(_ info: DiskInfo, from domains: [DomainView], _ context: RequestContext) async throws {
    let libvirt = try neededLibvirt("detach disk '\(info.record.name)'")
    let source = Self.domainSource(of: info)
    let name = info.record.name.text
    for domain in domains.map(\.name) {
      try await libvirt.call("detach disk '\(name)' from domain '\(domain)'", deadline: context.deadline) {
        try DiskAttachment.detach($0, from: domain, source: source, disk: name)
      }
      let limit = context.deadline.capped(.seconds(30))
      while try await libvirt.call("look at domain '\(domain)'", { try DiskAttachment.isAttached($0, to: domain, source: source) }) {
        guard !limit.hasPassed else {
          throw SlipwayError(
            .inUse, "the guest of domain '\(domain)' does not let go of disk '\(name)'", object: domain,
            hint: "try again when its system runs and listens to hot-unplugging, or stop it")
        }
        context.progress(Progress(phase: .waiting))
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  static func domainSource(of info: DiskInfo) -> DomainDisk.Source {
    info.record.request.target == .rbd ? .rbd(info.path) : .path(info.path)
  }

  func neededLibvirt(_ doing: String) throws(SlipwayError) -> LibvirtClient {
    guard let libvirt else {
      throw SlipwayError(.configuration, "cannot \(doing): this host has no libvirt", object: "libvirt.uri", hint: "set libvirt.uri")
    }
    return libvirt
  }

  /// What the domain's metadata says of the disk.
  private func metadata(of info: DiskInfo, _ context: RequestContext) async -> DiskMetadata.Entry {
    let record = info.record
    var words = [
      "target": record.request.target.rawValue, "path": info.path, "image": record.request.image, "route": record.route.rawValue,
    ]
    if let base = record.base {
      words["base"] = base
      if let evidence = await evidence(ofBaseAt: base, context) {
        words["verdict"] = evidence.verdict.rawValue
        words["verified"] = evidence.verifiedAt
        words["digest"] = evidence.computed.map { "\($0)" }
      }
    }
    return DiskMetadata.Entry(name: record.name.text, words: words)
  }

  private func evidence(ofBaseAt path: String, _ context: RequestContext) async -> Evidence? {
    guard let store = try? await store(context), let slash = path.lastIndex(of: "/") else { return nil }
    guard let name = store.layout.name(String(path[path.index(after: slash)...])), store.path(of: name) == path else { return nil }
    return (try? await store.state(of: name))?.record?.evidence
  }
}

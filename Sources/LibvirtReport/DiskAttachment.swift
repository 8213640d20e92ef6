public import Libvirt
internal import Model

/// Giving a disk to a domain and taking it back.
public struct DiskAttachment: Sendable, Hashable {
  /// Which of a domain's two descriptions is changed.
  public enum Mode: String, Sendable, Hashable, CaseIterable {
    /// The running machine alone.
    case live
    /// The definition alone: from the next start on.
    case persistent
    /// The running machine if it runs, and the definition if it has one.
    case both
  }

  /// The domain's name.
  public var domain: String
  /// The device's name in the guest.
  public var device: String
  /// Whether the running machine has it.
  public var isLive: Bool
  /// Whether the definition has it.
  public var isPersistent: Bool

  /// Attaches the disk that `element` describes, at its device or, unless `isFirm`, at the next one that is free on its bus; writes what `entry` says into
  /// the domain's metadata. A domain that has the disk already is answered.
  ///
  /// Throws `domain_not_found`, `in_use` when the device is taken, `usage` when there is nothing to change, and as the handle.
  public static func attach(
    _ libvirt: LibvirtConnection, to name: String, _ element: DiskElement, isFirm: Bool, mode: Mode, entry: DiskMetadata.Entry
  ) throws -> DiskAttachment {
    let domain = try libvirt.domain(name)
    let view = try DomainView(domain)
    let wanted = try effect(mode, view, domain)
    let has = { (disks: [DomainDisk]) in disks.first { $0.source == element.domainSource } }
    var missing = wanted
    if has(view.running) != nil { missing.remove(.live) }
    if has(view.defined) != nil { missing.remove(.config) }
    var element = element
    if let there = has(view.running) ?? has(view.defined) {
      element.choices.device = there.device
    } else if let free = view.freeDevice(like: element.choices.device), !isFirm || free == element.choices.device {
      element.choices.device = free
    } else {
      throw SlipwayError(
        .inUse, "domain '\(view.name)' has another disk at \(element.choices.device)", object: view.name,
        hint: "leave --device out, or name one that is free: virsh domblklist \(view.name)")
    }
    if !missing.isEmpty { try domain.attach(element.xml, missing) }
    try note(domain, wanted) { $0.set(entry) }
    return DiskAttachment(
      domain: view.name, device: element.choices.device, isLive: wanted.contains(.live), isPersistent: wanted.contains(.config))
  }

  /// Takes the disk at `source` off the domain, wherever it has it; what a running machine's guest must agree to is only asked for: look whether it is done
  /// with `isAttached`. Throws as `attach`.
  public static func detach(_ libvirt: LibvirtConnection, from name: String, source: DomainDisk.Source, disk: String) throws {
    let domain = try libvirt.domain(name)
    let view = try DomainView(domain)
    var done: LibvirtDomain.Effect = []
    let places: [(LibvirtDomain.Effect, [DomainDisk])] = [(.config, view.defined), (.live, view.running)]
    for (effect, disks) in places {
      for found in disks where found.source == source {
        try domain.detach(detachXML(found), effect)
        done.insert(effect)
      }
    }
    try note(domain, done) { $0.remove(disk) }
  }

  /// Whether the domain still has the disk at `source`; one that is gone has none.
  public static func isAttached(_ libvirt: LibvirtConnection, to name: String, source: DomainDisk.Source) throws -> Bool {
    do {
      return try DomainView(try libvirt.domain(name)).disks.contains { $0.source == source }
    } catch let error as SlipwayError where error.code == .domainNotFound {
      return false
    }
  }

  private static func effect(_ mode: Mode, _ view: DomainView, _ domain: LibvirtDomain) throws -> LibvirtDomain.Effect {
    switch mode {
    case .live:
      guard view.isActive else {
        throw SlipwayError(
          .usage, "domain '\(view.name)' does not run", object: view.name, hint: "start it, or attach with --attach-mode persistent")
      }
      return .live
    case .persistent:
      guard try domain.isPersistent() else {
        throw SlipwayError(.usage, "domain '\(view.name)' has no definition", object: view.name, hint: "attach with --attach-mode live")
      }
      return .config
    case .both:
      var effect: LibvirtDomain.Effect = view.isActive ? .live : []
      if try domain.isPersistent() { effect.insert(.config) }
      return effect
    }
  }

  /// Metadata helps people and other programs; a domain that takes none has its disk all the same.
  private static func note(_ domain: LibvirtDomain, _ effect: LibvirtDomain.Effect, _ change: (inout DiskMetadata) -> Void) throws {
    for one in [LibvirtDomain.Effect.live, .config] where effect.contains(one) {
      var metadata = DiskMetadata((try? domain.metadata(namespace: DiskMetadata.namespace, one)) ?? nil)
      let before = metadata
      change(&metadata)
      guard metadata != before else { continue }
      try? domain.setMetadata(metadata.xml, key: DiskMetadata.key, namespace: DiskMetadata.namespace, one)
    }
  }

  /// As little as libvirt needs to find a disk of a domain.
  private static func detachXML(_ disk: DomainDisk) -> String {
    let target = "<target" + XMLText.attributes([("dev", disk.device)]) + "/>"
    switch disk.source {
    case .rbd(let name):
      return "<disk type='network' device='disk'><source protocol='rbd' name='\(XMLText.attribute(name))'/>\(target)</disk>"
    case .path(let path): return "<disk type='file' device='disk'><source file='\(XMLText.attribute(path))'/>\(target)</disk>"
    case .volume, nil: return "<disk type='file' device='disk'>\(target)</disk>"
    }
  }
}

extension DiskElement {
  /// The disk's source as a domain's description tells it.
  public var domainSource: DomainDisk.Source {
    switch source {
    case .rbd(let rbd): .rbd("\(rbd.pool)/\(rbd.image)")
    case .file(let layer, _): .path(layer.path)
    }
  }
}

public import Libvirt
internal import Model

/// A domain with its disks, as it runs and as it is defined.
public struct DomainView: Sendable, Hashable {
  /// Its name.
  public var name: String
  /// Whether it runs, paused or not.
  public var isActive: Bool
  /// Its disks as it runs; none while it is shut off.
  public var running: [DomainDisk]
  /// Its disks as it is defined; none for a transient domain.
  public var defined: [DomainDisk]

  /// A domain.
  public init(name: String, isActive: Bool, running: [DomainDisk], defined: [DomainDisk]) {
    self.name = name
    self.isActive = isActive
    self.running = running
    self.defined = defined
  }

  /// All domains of the host, by name. One that goes meanwhile is left out. Throws as libvirt's handle.
  public static func all(_ libvirt: LibvirtConnection) throws -> [DomainView] {
    var views: [DomainView] = []
    for domain in try libvirt.domains() {
      do {
        views.append(try DomainView(domain))
      } catch let error as SlipwayError where error.code == .domainNotFound {
        continue
      }
    }
    return views.sorted { $0.name < $1.name }
  }

  /// A domain as libvirt tells it.
  public init(_ domain: LibvirtDomain) throws {
    name = domain.name
    isActive = try domain.isActive()
    running = isActive ? try DomainDisk.disks(in: domain.xml(.current), of: domain.name) : []
    defined = try domain.isPersistent() ? try DomainDisk.disks(in: domain.xml(.next), of: domain.name) : []
  }

  /// Every disk, running or defined, each once.
  public var disks: [DomainDisk] { running + defined.filter { !running.contains($0) } }

  /// The first device name on the bus of `device` that is free in both descriptions, `device` itself if it is.
  public func freeDevice(like device: String) -> String? {
    let taken = Set(disks.map(\.device))
    if !taken.contains(device) { return device }
    let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
    let names = letters + letters.flatMap { first in letters.map { first + $0 } }
    let bus = String(device.prefix(2))
    return names.map { bus + $0 }.first { !taken.contains($0) }
  }
}

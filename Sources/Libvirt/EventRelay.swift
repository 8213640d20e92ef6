internal import CLibvirt
internal import Model
internal import Runtime

/// Takes events from libvirt's thread to whoever listens, until it is cut: a connection that was given up on may still have some to tell.
final class EventRelay: Sendable {
  private let handler: Locked<(@Sendable (LibvirtEvent) -> Void)?>

  init(_ handler: @escaping @Sendable (LibvirtEvent) -> Void) { self.handler = Locked(handler) }

  func tell(_ event: LibvirtEvent) {
    // Outside the lock: the listener may cut.
    let handler = handler.with { $0 }
    handler?(event)
  }

  func cut() { handler.with { $0 = nil } }

  /// Registers for all events (Implements `virConnectDomainEventRegisterAny`, `virConnectStoragePoolEventRegisterAny`). What a driver does not
  /// support is left out. Blocks.
  func register(on link: Link) throws {
    try link.use { pointer in
      let freed: virFreeCallback = { opaque in if let opaque { Unmanaged<EventRelay>.fromOpaque(opaque).release() } }
      func add(_ register: (UnsafeMutableRawPointer) -> Int32) -> Int32 {
        let box = Unmanaged.passRetained(self)
        let id = register(box.toOpaque())
        if id < 0 { box.release() }
        return id
      }
      let lifecycle = add { slipway_on_domain_lifecycle(pointer, Self.domainLifecycle, $0, freed) }
      if lifecycle < 0 {
        throw SlipwayError.libvirt("virConnectDomainEventRegisterAny", doing: "listen to libvirt's events", object: "libvirt")
      }
      link.note(domain: lifecycle)
      link.note(domain: add { slipway_on_block_job(pointer, Self.blockJob, $0, freed) })
      link.note(domain: add { slipway_on_device_added(pointer, Self.deviceAdded, $0, freed) })
      link.note(domain: add { slipway_on_device_removed(pointer, Self.deviceRemoved, $0, freed) })
      link.note(pool: add { slipway_on_pool_lifecycle(pointer, Self.poolLifecycle, $0, freed) })
      link.note(pool: add { slipway_on_pool_refresh(pointer, Self.poolRefresh, $0, freed) })
    }
  }

  private static func relay(_ opaque: UnsafeMutableRawPointer?) -> EventRelay? {
    opaque.map { Unmanaged<EventRelay>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func subject(domain: OpaquePointer?) -> LibvirtEvent.Subject {
    guard let domain else { return LibvirtEvent.Subject(name: "", uuid: "") }
    let name = virDomainGetName(domain).map { String(cString: $0) } ?? ""
    return LibvirtEvent.Subject(name: name, uuid: uuid { virDomainGetUUIDString(domain, $0) })
  }

  private static func subject(pool: OpaquePointer?) -> LibvirtEvent.Subject {
    guard let pool else { return LibvirtEvent.Subject(name: "", uuid: "") }
    let name = virStoragePoolGetName(pool).map { String(cString: $0) } ?? ""
    return LibvirtEvent.Subject(name: name, uuid: uuid { virStoragePoolGetUUIDString(pool, $0) })
  }

  private static func text(_ text: UnsafePointer<CChar>?) -> String { text.map { String(cString: $0) } ?? "" }

  private static let domainLifecycle: virConnectDomainEventCallback = { _, domain, event, detail, opaque in
    relay(opaque)?.tell(.domain(subject(domain: domain), .init(rawValue: event), detail: detail))
    return 0
  }
  private static let blockJob: virConnectDomainEventBlockJobCallback = { _, domain, disk, type, status, opaque in
    relay(opaque)?.tell(.blockJob(subject(domain: domain), target: text(disk), type: type, status: status))
  }
  private static let deviceAdded: virConnectDomainEventDeviceAddedCallback = { _, domain, alias, opaque in
    relay(opaque)?.tell(.deviceAdded(subject(domain: domain), alias: text(alias)))
  }
  private static let deviceRemoved: virConnectDomainEventDeviceRemovedCallback = { _, domain, alias, opaque in
    relay(opaque)?.tell(.deviceRemoved(subject(domain: domain), alias: text(alias)))
  }
  private static let poolLifecycle: virConnectStoragePoolEventLifecycleCallback = { _, pool, event, _, opaque in
    relay(opaque)?.tell(.pool(subject(pool: pool), .init(rawValue: event)))
  }
  private static let poolRefresh: virConnectStoragePoolEventGenericCallback = { _, pool, opaque in
    relay(opaque)?.tell(.poolRefreshed(subject(pool: pool)))
  }
}

internal import CLibvirt
internal import Model

extension LibvirtConnection {
  /// All storage pools (Implements `virConnectListAllStoragePools`).
  public func pools() throws -> [LibvirtPool] {
    var list: UnsafeMutablePointer<OpaquePointer?>?
    let count = try check(
      virConnectListAllStoragePools(pointer, &list, 0), "virConnectListAllStoragePools", doing: "list libvirt's storage pools",
      object: "libvirt")
    return take(list, count: count) { LibvirtPool($0) }
  }

  /// The pool of that name (Implements `virStoragePoolLookupByName`); nil when there is none.
  public func pool(named name: String) throws -> LibvirtPool? {
    if let found = virStoragePoolLookupByName(pointer, name) { return LibvirtPool(found) }
    if lastErrorIs(VIR_ERR_NO_STORAGE_POOL) { return nil }
    throw SlipwayError.libvirt("virStoragePoolLookupByName", doing: "look for storage pool '\(name)'", object: name)
  }

  /// The pool whose target is that directory (Implements `virStoragePoolLookupByTargetPath`, which compares text and, in some versions, finds only active
  /// pools); nil when there is none.
  public func pool(at path: String) throws -> LibvirtPool? {
    if let found = virStoragePoolLookupByTargetPath(pointer, path) { return LibvirtPool(found) }
    if lastErrorIs(VIR_ERR_NO_STORAGE_POOL) || lastErrorIs(VIR_ERR_NO_SUPPORT) { return nil }
    throw SlipwayError.libvirt("virStoragePoolLookupByTargetPath", doing: "look for the storage pool at \(path)", object: path)
  }

  /// Defines a pool (Implements `virStoragePoolDefineXML`); it is not started.
  public func define(pool xml: String) throws -> LibvirtPool {
    guard let made = virStoragePoolDefineXML(pointer, xml, 0) else {
      throw SlipwayError.libvirt("virStoragePoolDefineXML", doing: "define a storage pool", object: "libvirt")
    }
    return LibvirtPool(made)
  }
}

/// A storage pool, inside a call of `LibvirtClient`.
public final class LibvirtPool {
  let pointer: OpaquePointer
  /// Its name.
  public let name: String
  /// Its UUID.
  public let uuid: String

  /// Takes the reference over.
  init(_ pointer: OpaquePointer) {
    self.pointer = pointer
    name = virStoragePoolGetName(pointer).map { String(cString: $0) } ?? ""
    uuid = Libvirt.uuid { virStoragePoolGetUUIDString(pointer, $0) }
  }

  deinit { virStoragePoolFree(pointer) }

  @discardableResult
  private func check(_ code: Int32, _ call: String, _ doing: String) throws -> Int32 {
    guard code >= 0 else { throw SlipwayError.libvirt(call, doing: "\(doing) storage pool '\(name)'", object: name) }
    return code
  }

  /// Its description (Implements `virStoragePoolGetXMLDesc`).
  public func xml() throws -> String {
    guard let text = take(virStoragePoolGetXMLDesc(pointer, 0)) else {
      throw SlipwayError.libvirt("virStoragePoolGetXMLDesc", doing: "read storage pool '\(name)'", object: name)
    }
    return text
  }

  /// Whether it is started (Implements `virStoragePoolIsActive`).
  public func isActive() throws -> Bool { try check(virStoragePoolIsActive(pointer), "virStoragePoolIsActive", "look at") == 1 }

  /// Starts it, which refreshes it (Implements `virStoragePoolCreate`).
  public func start() throws { try check(virStoragePoolCreate(pointer, 0), "virStoragePoolCreate", "start") }

  /// Stops it; its files stay (Implements `virStoragePoolDestroy`).
  public func stop() throws { try check(virStoragePoolDestroy(pointer), "virStoragePoolDestroy", "stop") }

  /// Removes its definition; its files stay (Implements `virStoragePoolUndefine`).
  public func undefine() throws { try check(virStoragePoolUndefine(pointer), "virStoragePoolUndefine", "undefine") }

  /// Makes libvirt look again (Implements `virStoragePoolRefresh`). A failed refresh leaves the pool inactive.
  public func refresh() throws { try check(virStoragePoolRefresh(pointer, 0), "virStoragePoolRefresh", "refresh") }

  /// Whether it starts with the host (Implements `virStoragePoolSetAutostart`).
  public func setAutostart(_ on: Bool) throws {
    try check(virStoragePoolSetAutostart(pointer, on ? 1 : 0), "virStoragePoolSetAutostart", "mark for the start of the host")
  }

  /// The names of what it holds, as of its last refresh (Implements `virStoragePoolListAllVolumes`).
  public func volumes() throws -> [String] {
    var list: UnsafeMutablePointer<OpaquePointer?>?
    let count = try check(virStoragePoolListAllVolumes(pointer, &list, 0), "virStoragePoolListAllVolumes", "list")
    return take(list, count: count) { volume in
      defer { virStorageVolFree(volume) }
      return virStorageVolGetName(volume).map { String(cString: $0) } ?? ""
    }
  }

  /// Where one of its volumes lies (Implements `virStorageVolLookupByName`, `virStorageVolGetPath`); nil when it has none of that name, as of its last refresh.
  public func path(of volume: String) throws -> String? {
    guard let found = virStorageVolLookupByName(pointer, volume) else {
      if lastErrorIs(VIR_ERR_NO_STORAGE_VOL) { return nil }
      throw SlipwayError.libvirt("virStorageVolLookupByName", doing: "look for volume '\(volume)' in '\(name)'", object: volume)
    }
    defer { virStorageVolFree(found) }
    guard let path = take(virStorageVolGetPath(found)) else {
      throw SlipwayError.libvirt("virStorageVolGetPath", doing: "look at volume '\(volume)' in '\(name)'", object: volume)
    }
    return path
  }
}

internal import CLibvirt
internal import Model

extension LibvirtConnection {
  /// The secret for the cephx user whose usage name this is (Implements `virSecretLookupByUsage`); nil when there is none.
  public func secret(cephUsage usage: String) throws -> LibvirtSecret? {
    if let found = virSecretLookupByUsage(pointer, Int32(VIR_SECRET_USAGE_TYPE_CEPH.rawValue), usage) { return LibvirtSecret(found) }
    if lastErrorIs(VIR_ERR_NO_SECRET) { return nil }
    throw SlipwayError.libvirt("virSecretLookupByUsage", doing: "look for the secret '\(usage)'", object: usage)
  }

  /// The secret of that UUID (Implements `virSecretLookupByUUIDString`); nil when there is none.
  public func secret(uuid: String) throws -> LibvirtSecret? {
    if let found = virSecretLookupByUUIDString(pointer, uuid) { return LibvirtSecret(found) }
    if lastErrorIs(VIR_ERR_NO_SECRET) { return nil }
    throw SlipwayError.libvirt("virSecretLookupByUUIDString", doing: "look for the secret \(uuid)", object: uuid)
  }

  /// All secrets (Implements `virConnectListAllSecrets`).
  public func secrets() throws -> [LibvirtSecret] {
    var list: UnsafeMutablePointer<OpaquePointer?>?
    let count = try check(
      virConnectListAllSecrets(pointer, &list, 0), "virConnectListAllSecrets", doing: "list libvirt's secrets", object: "libvirt")
    return take(list, count: count) { LibvirtSecret($0) }
  }

  /// Defines a secret (Implements `virSecretDefineXML`); it has no value yet. One usage name has one UUID: another is refused.
  public func define(secret xml: String) throws -> LibvirtSecret {
    guard let made = virSecretDefineXML(pointer, xml, 0) else {
      throw SlipwayError.libvirt("virSecretDefineXML", doing: "define a secret", object: "libvirt")
    }
    return LibvirtSecret(made)
  }
}

/// A secret of libvirt, inside a call of `LibvirtClient`.
public final class LibvirtSecret {
  let pointer: OpaquePointer
  /// Its UUID, which disks name.
  public let uuid: String
  /// What it is for, as its definition says.
  public let usage: String

  /// Takes the reference over.
  init(_ pointer: OpaquePointer) {
    self.pointer = pointer
    uuid = Libvirt.uuid { virSecretGetUUIDString(pointer, $0) }
    usage = virSecretGetUsageID(pointer).map { String(cString: $0) } ?? ""
  }

  deinit { virSecretFree(pointer) }

  /// Whether it is for Ceph (Implements `virSecretGetUsageType`).
  public var isCeph: Bool { virSecretGetUsageType(pointer) == Int32(VIR_SECRET_USAGE_TYPE_CEPH.rawValue) }

  /// Its description, without the value (Implements `virSecretGetXMLDesc`).
  public func xml() throws -> String {
    guard let text = take(virSecretGetXMLDesc(pointer, 0)) else {
      throw SlipwayError.libvirt("virSecretGetXMLDesc", doing: "read the secret '\(usage)'", object: usage)
    }
    return text
  }

  /// Gives it its value: the bytes of a cephx key, not their base64 (Implements `virSecretSetValue`).
  public func setValue(_ bytes: [UInt8]) throws {
    guard virSecretSetValue(pointer, bytes, bytes.count, 0) == 0 else {
      throw SlipwayError.libvirt("virSecretSetValue", doing: "give the secret '\(usage)' its value", object: usage)
    }
  }

  /// Its value (Implements `virSecretGetValue`); nil when it has none or is private: libvirt then keeps it to itself. Never to be told to anyone.
  public func value() throws -> [UInt8]? {
    var size = 0
    guard let bytes = virSecretGetValue(pointer, &size, 0) else {
      if lastErrorIs(VIR_ERR_NO_SECRET) || lastErrorIs(VIR_ERR_INVALID_SECRET) { return nil }
      throw SlipwayError.libvirt("virSecretGetValue", doing: "read the secret '\(usage)'", object: usage)
    }
    defer { release(bytes, size) }
    return Array(UnsafeBufferPointer(start: bytes, count: size))
  }

  /// Removes it (Implements `virSecretUndefine`).
  public func undefine() throws {
    guard virSecretUndefine(pointer) == 0 else {
      throw SlipwayError.libvirt("virSecretUndefine", doing: "remove the secret '\(usage)'", object: usage)
    }
  }
}

internal import CLibvirt
internal import Model

/// A domain, inside a call of `LibvirtClient`. Its methods throw `domain_not_found` once it is gone.
public final class LibvirtDomain {
  /// Which of its two descriptions.
  public enum Description: Sendable, Hashable {
    /// What runs, else what is defined.
    case current
    /// What will run at the next start. A transient domain has none but the current one.
    case next
  }

  /// What a change is for. Both is what virsh calls `--live --config`.
  public struct Effect: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// For the running domain.
    public static let live = Self(rawValue: 1)
    /// For its definition.
    public static let config = Self(rawValue: 2)
  }

  let pointer: OpaquePointer
  /// Its name.
  public let name: String
  /// Its UUID.
  public let uuid: String

  /// Takes the reference over.
  init(_ pointer: OpaquePointer) {
    self.pointer = pointer
    name = virDomainGetName(pointer).map { String(cString: $0) } ?? ""
    uuid = Libvirt.uuid { virDomainGetUUIDString(pointer, $0) }
  }

  deinit { virDomainFree(pointer) }

  @discardableResult
  func check(_ code: Int32, _ call: String, _ doing: String) throws -> Int32 {
    guard code >= 0 else { throw SlipwayError.libvirt(call, doing: "\(doing) domain '\(name)'", object: name) }
    return code
  }

  /// Its description (Implements `virDomainGetXMLDesc`). Of a running domain the current one holds the chain of every disk.
  public func xml(_ which: Description = .current) throws -> String {
    let flags: UInt32 = which == .next ? 1 << 1 : 0
    guard let text = take(virDomainGetXMLDesc(pointer, flags)) else {
      throw SlipwayError.libvirt("virDomainGetXMLDesc", doing: "read domain '\(name)'", object: name)
    }
    return text
  }

  /// What its managed save would start (Implements `virDomainManagedSaveGetXMLDesc`); nil without one, or where the driver has none.
  public func managedSaveXML() throws -> String? {
    if let text = take(virDomainManagedSaveGetXMLDesc(pointer, 0)) { return text }
    let code = virGetLastErrorCode()
    let none: [virErrorNumber] = [VIR_ERR_NO_SUPPORT, VIR_ERR_OPERATION_INVALID]
    if none.contains(where: { code == Int32($0.rawValue) }) { return nil }
    throw SlipwayError.libvirt("virDomainManagedSaveGetXMLDesc", doing: "read the managed save of domain '\(name)'", object: name)
  }

  /// What its snapshots remember, XML (Implements `virDomainListAllSnapshots`, `virDomainSnapshotGetXMLDesc`); nothing where the driver has none.
  public func snapshotXMLs() throws -> [String] {
    var list: UnsafeMutablePointer<OpaquePointer?>?
    let count = virDomainListAllSnapshots(pointer, &list, 0)
    if count < 0, lastErrorIs(VIR_ERR_NO_SUPPORT) { return [] }
    try check(count, "virDomainListAllSnapshots", "list the snapshots of")
    let snapshots = take(list, count: count) { $0 }
    defer { for snapshot in snapshots { virDomainSnapshotFree(snapshot) } }
    return try snapshots.compactMap { snapshot in
      if let text = take(virDomainSnapshotGetXMLDesc(snapshot, 0)) { return text }
      if lastErrorIs(VIR_ERR_NO_DOMAIN_SNAPSHOT) { return nil }
      throw SlipwayError.libvirt("virDomainSnapshotGetXMLDesc", doing: "read a snapshot of domain '\(name)'", object: name)
    }
  }

  /// Whether it runs or is paused (Implements `virDomainIsActive`).
  public func isActive() throws -> Bool { try check(virDomainIsActive(pointer), "virDomainIsActive", "look at") == 1 }

  /// Whether it is defined (Implements `virDomainIsPersistent`).
  public func isPersistent() throws -> Bool { try check(virDomainIsPersistent(pointer), "virDomainIsPersistent", "look at") == 1 }

  /// Starts it (Implements `virDomainCreate`).
  public func start() throws { try check(virDomainCreate(pointer), "virDomainCreate", "start") }

  /// Ends it at once (Implements `virDomainDestroy`).
  public func destroy() throws { try check(virDomainDestroy(pointer), "virDomainDestroy", "end") }

  /// Removes its definition, with what libvirt keeps for it (Implements `virDomainUndefineFlags`).
  public func undefine() throws {
    // Managed save, snapshots' metadata, NVRAM; a driver that knows none of them takes no flags.
    if virDomainUndefineFlags(pointer, 1 | 2 | 4) == 0 { return }
    if lastErrorIs(VIR_ERR_NO_SUPPORT) || lastErrorIs(VIR_ERR_INVALID_ARG) {
      try check(virDomainUndefine(pointer), "virDomainUndefine", "undefine")
      return
    }
    throw SlipwayError.libvirt("virDomainUndefineFlags", doing: "undefine domain '\(name)'", object: name)
  }

  /// Pauses it (Implements `virDomainSuspend`).
  public func suspend() throws { try check(virDomainSuspend(pointer), "virDomainSuspend", "pause") }

  /// Has its guest's agent freeze all file systems (Implements `virDomainFSFreeze`); their number. Throws where there is no agent, or it does not answer.
  @discardableResult
  public func freeze() throws -> Int {
    Int(try check(virDomainFSFreeze(pointer, nil, 0, 0), "virDomainFSFreeze", "freeze the file systems of"))
  }

  /// Lets the file systems go on (Implements `virDomainFSThaw`); their number.
  @discardableResult
  public func thaw() throws -> Int { Int(try check(virDomainFSThaw(pointer, nil, 0, 0), "virDomainFSThaw", "thaw the file systems of")) }

  /// Lets it go on (Implements `virDomainResume`).
  public func resume() throws { try check(virDomainResume(pointer), "virDomainResume", "resume") }
}

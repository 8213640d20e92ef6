internal import Foundation
public import Libvirt
internal import Model

/// The directory pool over the store's bases, so that whoever looks through libvirt sees them.
public struct StorePool: Sendable, Hashable {
  /// What had to be done.
  public enum Outcome: String, Sendable, Hashable {
    /// There was none.
    case defined
    /// It was there and stopped.
    case started
    /// It was there and ran.
    case refreshed
  }

  /// What it shall be called where there is none.
  public var name: String
  /// The directory, absolute.
  public var path: String

  /// A pool over `path`.
  public init(name: String, path: String) {
    self.name = name
    self.path = path
  }

  /// Its definition.
  public var xml: String {
    "<pool type='dir'><name>\(XMLText.attribute(name))</name><target><path>\(XMLText.attribute(path))</path></target></pool>"
  }

  /// Makes libvirt show what the directory holds now: the pool over it, whatever it is called, is started or refreshed; where there is none, it is
  /// defined. Answers its name too.
  ///
  /// Throws `libvirt_failed` when a pool of our name shows something else and none shows the directory, and as the handle.
  public func report(_ libvirt: LibvirtConnection) throws -> (name: String, outcome: Outcome) {
    if let pool = try find(libvirt) { return (pool.name, try Self.show(pool)) }
    do {
      let pool = try libvirt.define(pool: xml)
      // Libvirt starts it with the host; without that, it is started at the next report.
      try? pool.setAutostart(true)
      _ = try Self.show(pool)
      return (pool.name, .defined)
    } catch {
      // Another process was faster.
      guard let pool = try find(libvirt) else { throw error }
      return (pool.name, try Self.show(pool))
    }
  }

  /// The pool over the directory: the one of our name, or somebody else's. Nil when there is none.
  public func find(_ libvirt: LibvirtConnection) throws -> LibvirtPool? {
    let named = try libvirt.pool(named: name)
    if let named, try shows(named) { return named }
    if let found = try libvirt.pool(at: path) { return found }
    // libvirt compares paths as text, and some versions look only at pools that are started.
    for pool in try libvirt.pools() where pool.name != name {
      if (try? shows(pool)) == true { return pool }
    }
    if named != nil {
      throw SlipwayError(
        .libvirtFailed, "libvirt's storage pool '\(name)' shows another directory than \(path)", object: name,
        hint: "set libvirt.pool to a name that is free, or undefine that pool: virsh pool-undefine \(name)")
    }
    return nil
  }

  private func shows(_ pool: LibvirtPool) throws -> Bool {
    guard let place = PoolTarget(try pool.xml()), place.type == "dir" || place.type == "fs" || place.type == "netfs" else { return false }
    return place.path == path || Self.resolved(place.path) == Self.resolved(path)
  }

  private static func resolved(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }

  private static func show(_ pool: LibvirtPool) throws -> Outcome {
    if try pool.isActive() {
      try pool.refresh()
      return .refreshed
    }
    do {
      try pool.start()
    } catch {
      // Another process was faster; what it saw may be older than what we have published.
      guard try pool.isActive() else { throw error }
      try pool.refresh()
    }
    return .started
  }
}

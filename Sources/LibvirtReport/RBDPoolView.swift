public import Libvirt
internal import Model

/// A storage pool of libvirt that shows a Ceph pool: a view for operators at most. A refresh asks every image (9 ms each), a monitor that is gone blocks
/// it for 30 s, and libvirt's own clone between two such pools takes the image of that name in the wrong one. So it is defined, and never refreshed by us.
public struct RBDPoolView: Sendable, Hashable {
  /// What it is called.
  public var name: String
  /// The Ceph pool.
  public var pool: String
  /// Where the monitors are.
  public var monitors: [MonitorAddress]
  /// The cephx user, without `client.`.
  public var user: String
  /// The secret's uuid.
  public var secret: String

  /// A view.
  public init(name: String, pool: String, monitors: [MonitorAddress], user: String, secret: String) {
    self.name = name
    self.pool = pool
    self.monitors = monitors
    self.user = user
    self.secret = secret
  }

  /// Its definition.
  public var xml: String {
    let hosts = monitors.map { "<host" + XMLText.attributes([("name", $0.host), ("port", $0.port.map { "\($0)" })]) + "/>" }.joined()
    return "<pool type='rbd'><name>\(XMLText.attribute(name))</name><source>\(hosts)<name>\(XMLText.attribute(pool))</name>"
      + "<auth type='ceph'\(XMLText.attributes([("username", user)]))><secret\(XMLText.attributes([("uuid", secret)]))/></auth></source></pool>"
  }

  /// Defines it where there is none of its name; true when it was. Throws as the handle.
  public func define(_ libvirt: LibvirtConnection) throws -> Bool {
    guard try libvirt.pool(named: name) == nil else { return false }
    do {
      _ = try libvirt.define(pool: xml)
      return true
    } catch {
      guard try libvirt.pool(named: name) != nil else { throw error }
      return false
    }
  }
}

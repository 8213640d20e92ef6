/// How a Ceph cluster is reached.
public struct ClusterOptions: Sendable, Hashable {
  /// The name by which the configuration knows the cluster, for messages.
  public var name: String
  /// Path of ceph.conf (it may name the keyring); nil searches where librados searches.
  public var conf: String?
  /// The cephx user, without `client.`.
  public var user: String
  /// Bound on connecting and on every single operation.
  public var timeout: Duration
  /// Further settings, set after the file was read (`rbd_cache` and such).
  public var settings: [String: String]

  /// Options; `timeout` at least one second.
  public init(name: String, conf: String?, user: String, timeout: Duration = .seconds(30), settings: [String: String] = [:]) {
    self.name = name
    self.conf = conf
    self.user = user
    self.timeout = max(timeout, .seconds(1))
    self.settings = settings
  }

  /// The timeout in whole seconds, as librados wants it.
  var seconds: Int64 { max(1, timeout.components.seconds) }
}

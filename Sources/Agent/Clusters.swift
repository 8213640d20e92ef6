internal import Ceph
internal import Configuration
internal import Model
internal import Runtime

/// The connections to Ceph, one for each cluster and user, made when first wanted and kept.
final class Clusters: Sendable {
  fileprivate struct Key: Hashable, Sendable {
    var cluster: String
    var user: String
  }
  private let configuration: [Configuration.Cluster]
  private let misconfigured = Locked<[SlipwayError]>([])
  private let connections = Locked<[Key: Lazy<Cluster>]>([:])

  init(_ configuration: [Configuration.Cluster]) { self.configuration = configuration }

  /// The configured cluster of that name. Throws `configuration`.
  func configured(_ name: String) throws(SlipwayError) -> Configuration.Cluster {
    if let found = configuration.first(where: { $0.name == name }) { return found }
    throw SlipwayError(
      .configuration, "there is no Ceph cluster '\(name)' in the configuration", object: name,
      hint: configuration.isEmpty
        ? "name one under 'clusters', or use a local target" : "choose one of: \(configuration.map(\.name).joined(separator: ", "))")
  }

  /// A connection to the named cluster as `user`.
  func connect(_ name: String, as user: String, deadline: Deadline) async throws -> Cluster {
    let settings = try configured(name)
    let slot = connections.with { connections -> Lazy<Cluster> in
      let key = Key(cluster: name, user: user)
      if let slot = connections[key] { return slot }
      let slot = Lazy<Cluster>()
      connections[key] = slot
      return slot
    }
    let late = SlipwayError(
      .timeout, "the deadline passed while Ceph cluster '\(name)' was being connected", object: name, hint: "give more time with --deadline"
    )
    do {
      // The connection is everybody's: one caller's deadline ends that caller's waiting alone.
      return try await deadline.race(orThrow: late) { try await self.connection(slot, settings, user) }
    } catch let error as SlipwayError where error.code == .configuration {
      misconfigured.with { $0.append(error) }
      throw error
    }
  }

  /// What is behind an outage that is none: a cluster that cannot be used as it is configured. `outage` tells it in its sentence.
  func misconfiguration(behind outage: SlipwayError) -> SlipwayError? {
    misconfigured.with { $0.first { outage.message.contains($0.message) } }
  }

  private func connection(_ slot: Lazy<Cluster>, _ settings: Configuration.Cluster, _ user: String) async throws -> Cluster {
    let name = settings.name
    return try await slot.get {
      let cluster = try await Cluster.connect(
        ClusterOptions(
          name: settings.name, conf: settings.conf.isEmpty ? nil : settings.conf, user: user, timeout: settings.timeout,
          // Bytes are read once: a cache would only copy them.
          settings: ["rbd_cache": "false"]))
      if let expected = settings.fsid, expected != cluster.fsid {
        await cluster.close()
        throw SlipwayError(
          .configuration, "Ceph cluster '\(name)' has fsid \(cluster.fsid), the configuration says \(expected)", object: name,
          hint: "correct 'fsid' or 'conf' of the cluster")
      }
      return cluster
    }
  }

  /// A kept connection.
  struct Open: Sendable {
    let cluster: Cluster
    fileprivate let key: Key
    /// The cluster's name in the configuration.
    var name: String { key.cluster }
  }

  /// The connections that are kept now.
  var open: [Open] {
    connections.with { connections in connections.compactMap { key, slot in slot.present.map { Open(cluster: $0, key: key) } } }
  }

  /// Keeps a connection no longer: the next caller gets a new one. The old one closes once nothing hangs on it.
  func drop(_ broken: Open) {
    let isOurs = connections.with { connections -> Bool in
      guard connections[broken.key]?.present === broken.cluster else { return false }
      connections[broken.key] = nil
      return true
    }
    if isOurs { Task { await broken.cluster.close() } }
  }

  /// Closes all that are open, each with its own bound.
  func close() async {
    let open = connections.with { connections in
      let open = connections.values.compactMap(\.present)
      connections = [:]
      return open
    }
    await withTaskGroup(of: Void.self) { group in
      for cluster in open { group.addTask { await cluster.close() } }
    }
  }
}

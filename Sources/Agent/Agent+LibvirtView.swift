internal import Ceph
internal import Configuration
public import Disks
internal import Libvirt
public import LibvirtReport
internal import Model
public import Runtime

/// How libvirt finds a disk.
public struct LibvirtView: Sendable, Hashable {
  /// The storage pool that shows the place, nil without one.
  public let pool: String?
  /// The volume in it.
  public let volume: String?
  /// The `<disk>` element.
  public let element: DiskElement
}

extension Agent {
  /// Whether there is a libvirt on this host.
  public var hasLibvirt: Bool { libvirt != nil }

  /// How libvirt finds a disk of ours. Of Ceph nothing is asked that the connection does not know.
  public func libvirtView(
    of info: DiskInfo, choices: DiskElement.Choices, context: RequestContext
  ) async throws -> LibvirtView {
    guard info.record.request.target == .rbd else {
      let disks = try await fileDisks()
      let format = info.record.request.target == .raw ? "raw" : "qcow2"
      let backing = try await disks.backing(of: info).map { DiskElement.Layer(path: $0.path, format: $0.format) }
      let cache: DiskElement.Cache = try await disks.takesDirect(info) ? .none : .writeback
      let element = DiskElement(
        source: .file(DiskElement.Layer(path: info.path, format: format), backing: backing), cache: cache, choices: choices)
      return LibvirtView(pool: nil, volume: nil, element: element)
    }
    let settings = try clusters.configured(configuration.disks.cluster)
    let cluster = try await clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
    let monitors = MonitorAddress.monitors(in: cluster.setting("mon_host") ?? "")
    let secret = await secret(for: settings, cluster, context)
    let rbd = DiskElement.RBD(
      pool: configuration.disks.pool, image: info.record.name.text, monitors: monitors, conf: settings.conf.isEmpty ? nil : settings.conf,
      user: settings.user, secret: secret)
    var view: (pool: String, volume: String)?
    if let name = configuration.libvirt?.rbdPool, case .uuid(let uuid) = secret {
      let pool = RBDPoolView(name: name, pool: rbd.pool, monitors: monitors, user: rbd.user, secret: uuid)
      if await told("show pool '\(rbd.pool)'", context, { try pool.define($0) }) != nil { view = (name, rbd.image) }
    }
    return LibvirtView(pool: view?.pool, volume: view?.volume, element: DiskElement(source: .rbd(rbd), cache: .none, choices: choices))
  }

  /// The cephx secret that disks name: the one that libvirt has, made where that is configured; by its usage where libvirt cannot be asked.
  private func secret(
    for settings: Configuration.Cluster, _ cluster: Cluster, _ context: RequestContext
  ) async -> DiskElement.Secret {
    guard let configured = configuration.libvirt else { return .usage("client.\(settings.user) secret") }
    let usage = configured.secret
    let user = settings.user
    if let found = await told("look for the secret '\(usage)'", context, { try CephSecret.find($0, usage: usage) }) {
      if let secret = found { return .uuid(secret.uuid) }
      guard configured.createSecret else {
        context.log(.warning, "libvirt has no secret '\(usage)'; see: slipway doctor")
        return .usage(usage)
      }
      do {
        let key = try await key(of: user, cluster)
        if let made = await told("make the secret '\(usage)'", context, { try CephSecret.create($0, usage: usage, user: user, key: key) }) {
          context.log(.notice, "libvirt was given the key of client.\(user)", ["secret": made.uuid])
          return .uuid(made.uuid)
        }
      } catch {
        context.log(.warning, "libvirt gets no secret '\(usage)': \(error)")
      }
    }
    return .usage(usage)
  }

  /// The key with which librados reached a cluster, decoded. Throws `configuration` when it cannot be found.
  func key(of user: String, _ cluster: Cluster) async throws -> [UInt8] {
    let places = (cluster.setting("keyring") ?? "").split { $0 == "," || $0 == ";" || $0.isWhitespace }.map(String.init)
    return try await files.run {
      for place in places {
        guard let text = try? KeyringFile.text(of: place), let key = CephSecret.key(of: user, inKeyring: text) else { continue }
        return key
      }
      throw SlipwayError(
        .configuration, "no keyring holds the key of client.\(user)", object: "client.\(user)",
        hint: "name it with 'keyring' in \(cluster.options.conf ?? "ceph.conf")")
    }
  }

  /// Asks libvirt something on which nothing depends; nil, and a warning, when it cannot be asked.
  func told<Value: Sendable>(
    _ doing: String, _ context: RequestContext, _ body: @escaping @Sendable (LibvirtConnection) throws -> Value
  ) async -> Value? {
    guard let libvirt else { return nil }
    do {
      return try await libvirt.call(doing, timeout: .seconds(5), deadline: context.deadline, body)
    } catch {
      context.log(.warning, "\(SlipwayError.wrap(error).message)")
      return nil
    }
  }
}

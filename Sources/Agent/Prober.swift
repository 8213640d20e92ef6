internal import Ceph
internal import Configuration
internal import Crypto
internal import Files
internal import HTTPClient
internal import Model
internal import OpenStack
internal import Planner
internal import PoolStore
internal import Runtime

/// Answers the planner's questions by asking the world.
struct Prober: Sendable {
  let clusters: Clusters
  let http: HTTPClient
  let workers: WorkerPool
  /// The volume service, made when it is first asked.
  let volumes: @Sendable () async throws -> CinderClient

  /// The answer; only cancellation is thrown.
  func answer(_ probe: ProbeRequest, _ context: RequestContext) async throws -> ProbeResult {
    do {
      switch probe {
      case .fsid(let name):
        let user = try clusters.configured(name).user
        return .fsid(try await clusters.connect(name, as: user, deadline: context.deadline).fsid)
      case .rbdSnapshot(let name, let location, let user):
        let settings = try clusters.configured(name)
        let id = user == .diskUser ? settings.user : settings.imageUser
        return try await snapshot(location, in: try await clusters.connect(name, as: id, deadline: context.deadline), for: user)
      case .poolBase(let name, let pool, let base):
        let user = try clusters.configured(name).user
        return try await poolBase(base, pool, in: try await clusters.connect(name, as: user, deadline: context.deadline))
      case .file(let path, let root):
        return try await file(path, root)
      case .volume(let id):
        let volume = try await volumes().volume(id, context: context)
        return .volume(
          VolumeFacts(
            imageName: volume.imageName, status: volume.status, encrypted: volume.encrypted, hosts: volume.hosts, project: volume.project,
            imageOwner: volume.imageOwner))
      case .volumeImage(let name, let image):
        let user = try clusters.configured(name).user
        return try await volumeImage(image, in: try await clusters.connect(name, as: user, deadline: context.deadline))
      case .url(let url):
        return try await head(url, context)
      }
    } catch let error as CancellationError {
      throw error
    } catch {
      try Task.checkCancellation()
      return .failed(SlipwayError.wrap(error))
    }
  }

  private func volumeImage(_ volume: VolumeImage, in cluster: Cluster) async throws -> ProbeResult {
    let pool: Pool
    do {
      pool = try await cluster.pool(volume.pool)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return .refused(.poolMissing, "Ceph cluster '\(cluster.options.name)' has no pool '\(volume.pool)' (cinder.backends)")
    }
    do {
      let image = try await pool.open(volume.image)
      do {
        let facts = ProbeFacts(
          size: ByteCount(image.size), objectOrder: Int(image.order), version: "\(cluster.fsid) \(pool.id) \(image.id)",
          depth: try await image.depth())
        await image.close()
        await pool.close()
        return .facts(facts)
      } catch {
        await image.close()
        throw error
      }
    } catch {
      await pool.close()
      throw error
    }
  }

  private func poolBase(_ name: String?, _ pool: String, in cluster: Cluster) async throws -> ProbeResult {
    let opened: Pool
    do {
      opened = try await cluster.pool(pool)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return .refused(.poolMissing, "Ceph cluster '\(cluster.options.name)' has no pool '\(pool)' for bases (bases.pool)")
    }
    do {
      var facts = ProbeFacts()
      if let name = name.flatMap({ PoolBaseName(hash: $0) }), let base = try await PoolStore(pool: opened).find(name) {
        facts = ProbeFacts(size: ByteCount(base.size), objectOrder: Int(base.order), version: base.version)
      }
      await opened.close()
      return .facts(facts)
    } catch {
      await opened.close()
      throw error
    }
  }

  private func snapshot(_ location: RBDLocation, in cluster: Cluster, for user: ProbeRequest.User) async throws -> ProbeResult {
    let pool: Pool
    do {
      pool = try await cluster.pool(location.pool)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return .refused(.poolMissing, "Ceph cluster '\(cluster.options.name)' has no pool '\(location.pool)'")
    }
    do {
      let result = try await snapshot(location, pool, user)
      await pool.close()
      return result
    } catch {
      await pool.close()
      throw error
    }
  }

  private func snapshot(_ location: RBDLocation, _ pool: Pool, _ user: ProbeRequest.User) async throws -> ProbeResult {
    let image: Image
    do {
      image = try await pool.open(location.image, snapshot: location.snapshot)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      // The same errno for both: look whether the image itself is there. Any other failure of that look tells nothing about the image.
      do {
        let head = try await pool.open(location.image)
        await head.close()
      } catch let error as SlipwayError where error.cephErrno == 2 {
        return .refused(.sourceMissing, "there is no image \(location.pool)/\(location.image)")
      }
      return .refused(.snapshotMissing, "image \(location.pool)/\(location.image) has no snapshot '\(location.snapshot)'")
    }
    do {
      var facts = ProbeFacts(size: ByteCount(image.size), objectOrder: Int(image.order))
      // Of no interest to a reader: one question less.
      if user == .diskUser {
        facts.isProtected = try await image.isProtected(snapshot: location.snapshot)
        facts.cloneNeedsProtection = try await pool.cluster.clonesNeedProtection()
        facts.depth = try await image.depth()
      }
      let snapshotID = try await image.snapshotID(location.snapshot)
      facts.version = "\(pool.cluster.fsid) \(pool.id) \(image.id) \(snapshotID)"
      await image.close()
      return .facts(facts)
    } catch {
      await image.close()
      throw error
    }
  }

  private func file(_ path: String, _ root: String?) async throws -> ProbeResult {
    try await workers.run {
      let file = try File.open(path, under: root.map { [$0] })
      defer { try? file.close() }
      let status = try file.status()
      return .facts(ProbeFacts(size: ByteCount(try file.size()), version: Self.version(of: status)))
    }
  }

  /// What changes with a file's bytes; nil for a block device, whose node tells nothing of them.
  static func version(of status: FileStatus) -> String? {
    guard status.kind == .regular else { return nil }
    return "\(status.device) \(status.inode) \(status.modified) \(status.size)"
  }

  /// What a URL answers to HEAD; where that is not allowed (a signed URL allows one method alone), to GET of one byte.
  private func head(_ url: String, _ context: RequestContext) async throws -> ProbeResult {
    let deadline = context.deadline.capped(.seconds(30))
    do {
      let head = try await http.send(HTTPRequest(.head, url, deadline: deadline)).head
      guard [401, 403, 405, 501].contains(head.status) else { return Self.judge(head, size: head.contentLength, url) }
      let first = try await http.stream(HTTPRequest(.get, url, range: HTTPRange(first: 0, last: 0), deadline: deadline))
      first.close()
      return Self.judge(first.head, size: first.head.status == 206 ? first.head.rangeTotal : first.head.contentLength, url)
    } catch let error as HTTPError {
      if error.kind == .cancelled { throw CancellationError() }
      throw error.slipwayError(.sourceFailed)
    }
  }

  private static func judge(_ head: HTTPHead, size: Int64?, _ url: String) -> ProbeResult {
    let shown = Location.redacted(url)
    switch head.status {
    // Who sends no validator gets no second look: every fetch stands for itself.
    case 200..<300: return .facts(ProbeFacts(size: size.map(ByteCount.init), version: head.validator))
    // An empty body has no first byte.
    case 416: return .facts(ProbeFacts(version: head.validator))
    case 401, 403: return .refused(.permissionDenied, "\(shown) is forbidden (HTTP \(head.status))")
    case 404, 410: return .refused(.sourceMissing, "there is nothing at \(shown) (HTTP \(head.status))")
    default: return .refused(.sourceUnreachable, "\(shown) answers HTTP \(head.status)")
    }
  }
}

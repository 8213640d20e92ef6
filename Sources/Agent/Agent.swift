public import Configuration
internal import Ceph
internal import Disks
internal import Foundation
internal import HTTPClient
internal import ImageStore
internal import ImageTrust
internal import Libvirt
internal import LibvirtReport
internal import Model
internal import OpenStack
internal import Runtime

/// The one engine behind every verb and the API: introduces the rooms to each other, and owns what lives as long as the process.
public final class Agent: Sendable {
  /// The configuration that it works by.
  public let configuration: Configuration
  let environment: [String: String]
  /// What is demanded of images.
  let policy: TrustPolicy
  let clusters: Clusters
  /// For URLs that an administrator typed; the image service has a client of its own, with its CA.
  let http: HTTPClient
  /// Blocking file work.
  let files: WorkerPool
  /// Checking for zeros, writing, decompressing.
  let data: WorkerPool
  /// Memory of all transfers together.
  let budget: ByteBudget
  /// One for each image that may be moved at once.
  let transfers: ByteBudget
  /// One for each disk that may be flattened at once. (Rule: Cinder `rbd_concurrent_flatten_operations`.)
  let flattens: ByteBudget
  /// Certificates of the certificate service.
  let certificates = CertificateCache()
  /// The way to libvirt; nil when there is none on this host.
  let libvirt: LibvirtClient?
  private let inventorySlot = Locked<DomainInventory?>(nil)
  private let reporterSlot = Locked<StoreReporter?>(nil)
  private let storeSlot = Lazy<Store>()
  private let disksSlot = Lazy<FileDisks>()
  private let glanceSlot = Lazy<ImageService>()

  /// The image service's client and its neighbours', with the HTTP client under them.
  struct ImageService: Sendable {
    let glance: GlanceClient
    let cinder: CinderClient
    let http: HTTPClient
  }

  /// An engine; nothing is connected or opened yet. `environment` is where `OS_*` and the like are looked up.
  public init(_ configuration: Configuration, environment: [String: String]) throws {
    self.configuration = configuration
    self.environment = environment
    policy = try TrustPolicy(configuration.trust)
    clusters = Clusters(configuration.clusters)
    http = HTTPClient()
    files = WorkerPool(name: "files", threads: 8)
    data = WorkerPool(name: "data", threads: 4)
    budget = ByteBudget(capacity: Int(clamping: configuration.limits.memory.bytes))
    transfers = ByteBudget(capacity: configuration.limits.transfers)
    flattens = ByteBudget(capacity: configuration.disks.flattens)
    libvirt = configuration.libvirt.map { LibvirtClient(LibvirtOptions(uri: $0.uri)) }
  }

  /// Closes what is open: images and pools have been closed by whoever opened them; connections are closed here, each within its timeout.
  public func close() async {
    await reporterSlot.with { $0 }?.flush()
    inventorySlot.with { $0 }?.stop()
    await libvirt?.close()
    if let service = glanceSlot.present { await service.http.close() }
    await http.close()
    await clusters.close()
    let (disks, store) = (disksSlot.present, storeSlot.present)
    // A file system that hangs must not keep the process.
    try? await Deadline.after(.seconds(10)).race(orThrow: CancellationError()) {
      await disks?.close()
      await store?.close()
    }
  }

  /// Who asks libvirt what domains use, made at its first use; nil without libvirt.
  var inventory: DomainInventory? {
    guard let libvirt else { return nil }
    return inventorySlot.with { slot in
      if let slot { return slot }
      let made = DomainInventory(libvirt)
      slot = made
      return made
    }
  }

  /// The local store, made at its first use.
  func store(_ context: RequestContext) async throws -> Store {
    let configuration = self.configuration
    let path = configuration.store.path
    let (pool, libvirt, reporterSlot) = (files, libvirt, reporterSlot)
    return try await storeSlot.get {
      try await Self.naming("store.path") {
        let layout = try await pool.run { try Self.layout(configuration) }
        let immutability = configuration.store.immutability
        let store = try await Store.open(path: path, layout: layout, immutability: immutability, create: true, pool: pool) {
          context.log(.warning, $0)
        }
        if let libvirt, let name = configuration.libvirt?.pool {
          let reporter = StoreReporter(store, libvirt, pool: name, context)
          reporterSlot.with { $0 = reporter }
          store.onChange { reporter.note() }
        }
        return store
      }
    }
  }

  /// Disks in files, their directory made at its first use.
  func fileDisks() async throws -> FileDisks {
    let path = configuration.disks.path
    let pool = files
    return try await disksSlot.get { try await Self.naming("disks.path") { try await FileDisks.open(path, workers: pool) } }
  }

  /// Runs `body`; an error that says nothing of what to do names the key that the directory comes from.
  private static func naming<Value: Sendable>(_ key: String, _ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch var error as SlipwayError where error.hint == nil {
      error.hint = "check \(key) (see: slipway config show)"
      throw error
    }
  }

  /// Disks in RBD. The pool is the caller's to close.
  func rbdDisks(_ context: RequestContext) async throws -> RBDDisks {
    let settings = try clusters.configured(configuration.disks.cluster)
    let cluster = try await clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
    let name = configuration.disks.pool
    do {
      return RBDDisks(
        pool: try await cluster.pool(name), dataPool: configuration.disks.dataPool, busyWait: configuration.disks.busyWait,
        maxDepth: configuration.disks.maxDepth,
        defersDeletion: configuration.disks.deferredDeletion, flattens: flattens)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      throw SlipwayError(
        .configuration, "Ceph cluster '\(settings.name)' has no pool '\(name)' for disks", object: name,
        hint: "make it (ceph osd pool create \(name); rbd pool init \(name)), or set disks.pool", cause: error)
    }
  }

  /// The image service. Throws `configuration` when there is none.
  func imageService() async throws -> GlanceClient { try await services().glance }

  /// The volume service of the image service's cloud. Throws `configuration` when there is no image service.
  func volumeService() async throws -> CinderClient { try await services().cinder }

  private func services() async throws -> ImageService {
    let images = configuration.images
    let environment = environment
    return try await glanceSlot.get {
      let cloud: CloudConfiguration
      if let endpoint = images.endpoint {
        cloud = CloudConfiguration(endpoint: endpoint)
      } else {
        cloud = try CloudFiles(environment: environment).load(images.cloud)
      }
      let http = HTTPClient(settings: cloud.httpSettings())
      let glance = GlanceClient(cloud: cloud, http: http)
      return ImageService(glance: glance, cinder: CinderClient(beside: glance), http: http)
    }
  }

  /// Now, RFC 3339 in UTC.
  static func timestamp(_ date: Date = Date()) -> String { date.formatted(.iso8601) }
}

public import OpenStack
public import Runtime
public import Wire

/// What the verbs and the API ask for, in the documents that both answer with. There is one in this process (`AgentEngine`), and one behind a daemon's
/// socket (`RemoteEngine`); tests have their own.
public protocol Engine: Sendable {
  /// Makes a disk; the same request again answers the same disk.
  func createDisk(_ request: DiskRequestDocument, token: Secret?, _ context: RequestContext) async throws -> DiskDocument
  /// The disks that Slipway made.
  func disks(_ context: RequestContext) async throws -> DiskListDocument
  /// One disk, with libvirt's element as `element` wants it.
  func disk(_ name: String, element: ElementWishes, _ context: RequestContext) async throws -> DiskDocument
  /// Deletes a disk; an absent one is success.
  func deleteDisk(_ name: String, detach: Bool, _ context: RequestContext) async throws -> DeletionDocument
  /// Makes a disk larger.
  func resizeDisk(_ name: String, to size: Int64, _ context: RequestContext) async throws -> DiskChangeDocument
  /// Makes a disk stand alone.
  func flattenDisk(_ name: String, _ context: RequestContext) async throws -> DiskChangeDocument
  /// Brings an image into the store, or finds it there.
  func fetch(_ request: FetchRequestDocument, token: Secret?, _ context: RequestContext) async throws -> FetchDocument
  /// Brings many.
  func prewarm(_ request: PrewarmRequestDocument, _ context: RequestContext) async throws -> PrewarmDocument
  /// Every way to a disk of an image.
  func plan(_ request: PlanRequestDocument, token: Secret?, _ context: RequestContext) async throws -> PlanDocument
  /// The bases, all of them or those of one image.
  func bases(of image: String?, _ context: RequestContext) async throws -> CacheDocument
  /// Which parts can be used.
  func parts(_ context: RequestContext) async -> [ReadinessDocument.Part]
}

/// What of libvirt's element is wanted.
public struct ElementWishes: Sendable, Hashable {
  /// Where this host has no libvirt, too.
  public var always = false
  /// The device in the guest.
  public var device: String?
  /// `unmap` or `ignore`.
  public var discard: String?
  /// `off`, `on` or `unmap`.
  public var detectZeroes: String?

  /// No wishes.
  public init() {}
}

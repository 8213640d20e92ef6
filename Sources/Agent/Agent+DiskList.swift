internal import Configuration
internal import Ceph
internal import LibvirtReport
public import Disks
public import Model
public import Runtime

extension Agent {
  /// Whether disks in RBD can be spoken of here: their cluster is configured.
  private var hasPool: Bool { configuration.cluster(named: configuration.disks.cluster) != nil }

  /// All disks of ours, in the pool and in the directory, images in the pool that nobody here can look at, and the places that could not be looked into.
  public func disks(context: RequestContext) async -> (disks: [DiskInfo], unreadable: [RBDDisks.Unreadable], failed: [SlipwayError]) {
    var found: [DiskInfo] = []
    var unreadable: [RBDDisks.Unreadable] = []
    var failed: [SlipwayError] = []
    if hasPool {
      do {
        let pooled = try await withRBDDisks(context) { try await $0.list() }
        found += pooled.disks
        unreadable = pooled.unreadable
      } catch {
        failed.append(SlipwayError.wrap(error))
      }
    }
    do {
      found += try await fileDisks().list()
    } catch {
      failed.append(SlipwayError.wrap(error))
    }
    return (found, unreadable, failed)
  }

  /// One disk, looked for first where disks are made by default. Throws `disk_not_found`; an outage of the pool is told when no file has the name.
  public func disk(_ name: DiskName, context: RequestContext) async throws -> DiskInfo {
    do {
      return try await fileDisks().show(name)
    } catch let error as SlipwayError where error.code == .diskNotFound && hasPool {
      return try await withRBDDisks(context) { try await $0.show(name) }
    }
  }

  /// Deletes a disk of ours wherever it is; an absent one is success (false). With `detach` it is taken off the domains that have it first.
  ///
  /// A pool or a libvirt that cannot be asked fails the request: "absent" and "unused" are only said by those who know. Throws `in_use` while a domain,
  /// running or defined, has the disk.
  public func deleteDisk(_ name: DiskName, detach: Bool = false, context: RequestContext) async throws -> Bool {
    if libvirt != nil, let info = try await present(name, context) {
      if let above = try await domainsStanding(on: info, context).first {
        throw SlipwayError(
          .inUse, "a disk of domain '\(above)' stands on disk \(info.path)", object: info.path,
          hint: "remove that machine's snapshots first: virsh snapshot-list \(above)")
      }
      let domains = try await domains(using: info, context)
      if let first = domains.first {
        guard detach else {
          let others = domains.count > 1 ? " and \(domains.count - 1) more" : ""
          throw SlipwayError(
            .inUse, "disk \(info.path) belongs to domain '\(first.name)'\(others)", object: info.path,
            hint: "delete that machine first, or give --detach")
        }
        try await self.detach(info, from: domains, context)
      }
    }
    let deletedFile = try await fileDisks().delete(name, context: context)
    guard hasPool else { return deletedFile }
    if deletedFile, configuration.disks.target != .rbd { return true }
    let deletedImage = try await withRBDDisks(context) { try await $0.delete(name, context: context) }
    return deletedFile || deletedImage
  }

  /// As `disk`, nil for one that is absent, half-made, or somebody else's: what becomes of those is the deletion's to say.
  private func present(_ name: DiskName, _ context: RequestContext) async throws -> DiskInfo? {
    do {
      return try await disk(name, context: context)
    } catch let error as SlipwayError where error.code == .diskNotFound || error.code == .notOurs {
      return nil
    }
  }

  func withRBDDisks<Value: Sendable>(
    _ context: RequestContext, _ body: @Sendable (RBDDisks) async throws -> Value
  ) async throws -> Value {
    let disks = try await rbdDisks(context)
    do {
      let value = try await body(disks)
      await disks.pool.close()
      return value
    } catch {
      await disks.pool.close()
      throw error
    }
  }
}

internal import Configuration
internal import Ceph
public import Disks
public import Model
public import Runtime

extension Agent {
  /// Whether disks in RBD can be spoken of here: their cluster is configured.
  private var hasPool: Bool { configuration.cluster(named: configuration.disks.cluster) != nil }

  /// All disks of ours, in the pool and in the directory, and the places that could not be looked into.
  public func disks(context: RequestContext) async -> ([DiskInfo], [SlipwayError]) {
    var found: [DiskInfo] = []
    var failed: [SlipwayError] = []
    if hasPool {
      do {
        found += try await withRBDDisks(context) { try await $0.list() }
      } catch {
        failed.append(SlipwayError.wrap(error))
      }
    }
    do {
      found += try await fileDisks().list()
    } catch {
      failed.append(SlipwayError.wrap(error))
    }
    return (found, failed)
  }

  /// One disk, looked for first where disks are made by default. Throws `disk_not_found`; an outage of the pool is told when no file has the name.
  public func disk(_ name: DiskName, context: RequestContext) async throws -> DiskInfo {
    do {
      return try await fileDisks().show(name)
    } catch let error as SlipwayError where error.code == .diskNotFound && hasPool {
      return try await withRBDDisks(context) { try await $0.show(name) }
    }
  }

  /// Deletes a disk of ours wherever it is; an absent one is success (false).
  ///
  /// A pool that cannot be asked fails the request: "absent" is only said by those who know.
  public func deleteDisk(_ name: DiskName, context: RequestContext) async throws -> Bool {
    let deletedFile = try await fileDisks().delete(name, context: context)
    guard hasPool else { return deletedFile }
    if deletedFile, configuration.disks.target != .rbd { return true }
    let deletedImage = try await withRBDDisks(context) { try await $0.delete(name, context: context) }
    return deletedFile || deletedImage
  }

  private func withRBDDisks<Value: Sendable>(
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

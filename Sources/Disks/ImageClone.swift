public import Ceph
public import Model
public import Runtime

/// A snapshot of a disk or volume, taken to make an image of it.
public struct UploadSnapshot: Sendable, Hashable {
  /// Where it is.
  public var location: RBDLocation
  /// fsid, pool id, image id and snapshot id.
  public var version: String
  /// The image's id.
  public var imageID: String
  /// Size in bytes.
  public var size: Int64
  /// log2 of the object size.
  public var order: Int32
  /// Whether somebody had the image open for writing.
  public var isOpen: Bool
}

/// The steps by which an RBD image becomes an image of the image service without its bytes being moved: in the layout that Glance makes itself.
public enum ImageClone {
  /// The snapshot that Glance makes, and clones are made of. Rule: glance_store `_drivers/rbd.py`, `DEFAULT_SNAPNAME`.
  public static let snapshot = "snap"
  /// librbd's feature that lets a flattened image's snapshots go of the parent, too.
  private static let deepFlatten: UInt64 = 32

  /// What an RBD image is now: its id, and whether somebody else has it open for writing. Throws `source_not_found`.
  public static func look(_ name: String, in pool: Pool) async throws -> (id: String, size: Int64, isOpen: Bool) {
    let (id, size, watchers) = try await opened(name, in: pool, readOnly: true) { image in
      let watchers = try await image.watcherCount()
      return (image.id, image.size, watchers)
    }
    return (id, size, watchers > 0)
  }

  /// Takes the snapshot, protected where clones are of format 1 or `holding` asks for it. The image must be the one that was looked at.
  public static func take(_ snapshot: String, of name: String, id: String, in pool: Pool, holding: Bool) async throws -> UploadSnapshot {
    let protects = try await holding ? true : pool.cluster.clonesNeedProtection()
    return try await opened(name, in: pool, readOnly: false) { image in
      guard image.id == id else {
        throw SlipwayError(.busy, "\(image.label) was replaced while it was looked at", object: image.label, hint: "try again")
      }
      // One watcher is this very open.
      let isOpen = try await image.watcherCount() > 1
      try await image.createSnapshot(snapshot)
      if protects { try await image.protect(snapshot: snapshot) }
      guard let taken = try await image.snapshots().first(where: { $0.isUsers && $0.name == snapshot }) else {
        throw SlipwayError(.sourceFailed, "snapshot '\(snapshot)' of \(image.label) is gone", object: image.label, hint: "try again")
      }
      let fsid = pool.cluster.fsid
      return UploadSnapshot(
        location: RBDLocation(fsid: fsid.text, pool: pool.name, image: name, snapshot: snapshot),
        version: "\(fsid) \(pool.id) \(id) \(taken.id)", imageID: id, size: taken.size, order: image.order, isOpen: isOpen)
    }
  }

  /// Throws `source_failed` unless the snapshot still is what it was: what is read of one that is gone is zeros.
  public static func prove(_ taken: UploadSnapshot, in pool: Pool) async throws {
    let location = taken.location
    let now = try? await opened(location.image, in: pool, readOnly: true) { image in
      "\(pool.cluster.fsid) \(pool.id) \(image.id) \(try await image.snapshotID(location.snapshot))"
    }
    guard now == taken.version else {
      throw SlipwayError(
        .sourceFailed, "\(location.pool)/\(location.image) was removed while it was uploaded", object: "\(location.pool)/\(location.image)")
    }
  }

  /// Clones the snapshot to `name` in `target`; the clone's id. `parent` and `target` are pools of one connection, that of the user who may write images.
  ///
  /// Throws `name_conflict`, `permission_denied`, `source_not_found`; nothing is left of a clone that failed.
  public static func clone(_ taken: UploadSnapshot, from parent: Pool, to name: String, in target: Pool) async throws -> String {
    let cluster = target.cluster
    let options = CloneOptions(
      features: cluster.defaultFeatures | deepFlatten, order: max(taken.order, cluster.defaultOrder), dataPool: nil)
    try await target.clone(
      from: parent, image: taken.location.image, snapshot: taken.location.snapshot, to: name, options: options)
    return try await opened(name, in: target, readOnly: false) { image in
      guard Image.isID(image.id, madeBy: cluster.instance) else {
        throw SlipwayError(.busy, "\(image.label) was made by another process", object: image.label, hint: "try again")
      }
      // A clone inherits its parent's metadata: that of a disk says nothing of an image.
      for key in [RBDDisks.recordKey, RBDDisks.stateKey] { try await image.removeMetadata(key) }
      return image.id
    }
  }

  /// Makes the snapshot by which the image service and its clones know the image.
  public static func seal(_ name: String, in target: Pool) async throws {
    try await opened(name, in: target, readOnly: false) { image in
      try await image.createSnapshot(snapshot)
      try await image.protect(snapshot: snapshot)
    }
  }

  /// Removes the disk's snapshot; one that has clones of format 2 goes out of sight. False while it has clones of format 1. An image that is gone, also
  /// from the trash, has none.
  @discardableResult
  public static func release(_ snapshot: String, of id: String, in pool: Pool) async throws -> Bool {
    let image: Image
    do {
      image = try await pool.open(id: id, readOnly: false)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return true
    }
    var isFree = true
    do {
      for found in try await image.snapshots() {
        do {
          if found.isUsers, found.name == snapshot {
            try await image.unprotect(snapshot: snapshot)
            try await image.removeSnapshot(snapshot)
          } else if found.removedName == snapshot {
            try await image.removeSnapshot(id: found.id)
          }
        } catch let error as SlipwayError where error.cephErrno == 16 {
          isFree = false
        }
      }
    } catch {
      await image.close()
      throw error
    }
    await image.close()
    return isFree
  }

  /// Whether the image of that id is there, in its pool or in the trash.
  public static func exists(id: String, in pool: Pool) async throws -> Bool {
    do {
      let image = try await pool.open(id: id)
      await image.close()
      return true
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return false
    }
  }

  /// Takes back a clone that the client `maker` made and nobody else knows of, if it is there: by its name, and only if the id is that client's.
  ///
  /// Throws `in_use` while somebody has it open: a dead client for half a minute.
  public static func discard(_ name: String, madeBy maker: UInt64, in target: Pool) async throws {
    do {
      let isOurs = try await opened(name, in: target, readOnly: false) { image in
        guard Image.isID(image.id, madeBy: maker) else { return false }
        for found in try await image.snapshots() where found.isUsers && found.name == snapshot {
          try await image.unprotect(snapshot: snapshot)
          try await image.removeSnapshot(snapshot)
        }
        return true
      }
      guard isOurs else { return }
    } catch let error as SlipwayError where error.cephErrno == 2 {
      // Half-made: what librbd left of it has no header.
    }
    do {
      try await target.remove(name)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return
    }
  }

  /// Frees the clone of that id from its disk, wherever it is, in the trash too; false when it is gone. `rate` in bytes of data per second, nil for none.
  public static func flatten(
    id: String, in target: Pool, rate: Int64?, context: RequestContext
  ) async throws -> Bool {
    let image: Image
    do {
      image = try await target.open(id: id, readOnly: false)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return false
    }
    do {
      let pace = try await pace(rate, image)
      let size = image.size
      let goesOn = Locked(true)
      try await withTaskCancellationHandler {
        try await image.flatten { done, total in
          let position = total == 0 ? 0 : Int64(Double(size) * Double(done) / Double(total))
          context.progress(Progress(phase: .transferring, position: position, total: size))
          pace?.wait(objects: Int64(clamping: done))
          return goesOn.with { $0 } && !context.deadline.hasPassed
        }
      } onCancel: {
        goesOn.with { $0 = false }
      }
      try context.deadline.check("an image was freed from its disk")
    } catch {
      await image.close()
      throw error
    }
    await image.close()
    return true
  }

  /// How fast the objects may go, from what they hold on average.
  private static func pace(_ rate: Int64?, _ image: Image) async throws -> FlattenPace? {
    guard let rate else { return nil }
    let object = Int64(1) << Int64(image.order)
    let objects = max(1, (image.size + object - 1) / object)
    guard try await image.hasFastDiff() else { return FlattenPace(rate: rate, perObject: object) }
    var data: Int64 = 0
    var position: Int64 = 0
    while position < image.size {
      let end = min(image.size, position + (256 << 30))
      for extent in try await image.extents(from: position, to: end, wholeObjects: true) where extent.isData { data += extent.length }
      position = end
    }
    return FlattenPace(rate: rate, perObject: data / objects)
  }

  private static func opened<Value: Sendable>(
    _ name: String, in pool: Pool, readOnly: Bool, _ body: (Image) async throws -> Value
  ) async throws -> Value {
    let image = try await pool.open(name, readOnly: readOnly)
    do {
      let value = try await body(image)
      await image.close()
      return value
    } catch {
      await image.close()
      throw error
    }
  }
}

internal import Foundation
public import Model
internal import Runtime

/// A snapshot that Slipway takes of an image that is not its own, for as long as it reads or clones the image, and removes again.
///
/// Each is noted in an object of the pool before it is taken, so that one whose taker died is removed by whoever cleans. Nothing else is.
public struct BorrowedSnapshot: Sendable {
  /// What is noted of one.
  struct Note: Sendable, Codable {
    /// Version of this format; a newer one is left alone.
    var version = 1
    /// The image's id, by which alone it is spoken of: a name is given again.
    var image: String
    /// The snapshot's name.
    var snapshot: String
    /// Who took it.
    var owner: ProcessOwner
    /// When, in seconds since 1970.
    var taken: Int64
  }

  /// The object that holds the notes, one entry of its map for each snapshot.
  static let object = "slipway.snapshots"
  /// After so many seconds a snapshot is removed though nobody can tell whether its taker lives: it is another host's.
  static let longest: Int64 = 86_400

  /// The pool.
  public let pool: Pool
  /// The image's name when it was taken.
  public let image: String
  /// The image's id.
  public let imageID: String
  /// The snapshot's name.
  public let name: String
  /// Its size in bytes.
  public let size: Int64
  /// log2 of the image's object size.
  public let order: Int32
  /// What tells it from every other one: fsid, pool id, image id, snapshot id.
  public let version: String

  /// Where it lies.
  public var location: RBDLocation {
    RBDLocation(fsid: pool.cluster.fsid.text, pool: pool.name, image: image, snapshot: name)
  }

  /// Takes one of the image that has that name and, still, that id. A machine may run on it: librbd asks whoever has its exclusive lock.
  ///
  /// Throws `source_not_found` for an image that is gone or another one by now, and as `Image.createSnapshot`. Release it in any case.
  public static func take(of image: String, id: String, in pool: Pool) async throws -> BorrowedSnapshot {
    let name = TrashQueue.ownSnapshots + UUID().uuidString.lowercased()
    let opened = try await pool.open(image, readOnly: false)
    do {
      guard opened.id == id else {
        throw SlipwayError(
          .sourceNotFound, "image \(opened.label) was replaced while it was looked at", object: opened.label, hint: "try again")
      }
      let note = Note(image: id, snapshot: name, owner: .current, taken: now)
      try await pool.setEntry(object, name, String(decoding: try JSONEncoder().encode(note), as: UTF8.self))
      do {
        try await opened.createSnapshot(name)
        let version = "\(pool.cluster.fsid) \(pool.id) \(id) \(try await opened.snapshotID(name))"
        let size = try await opened.snapshots().first { $0.name == name }?.size ?? opened.size
        let taken = BorrowedSnapshot(
          pool: pool, image: image, imageID: id, name: name, size: size, order: opened.order, version: version)
        await opened.close()
        return taken
      } catch {
        // Also a call that was given up may have taken it.
        await Task { try? await remove(note, from: pool) }.value
        throw error
      }
    } catch {
      await opened.close()
      throw error
    }
  }

  /// Removes it, whatever happened to the task. With clones of format 2 it moves out of sight and goes with the last of them. What fails is left to
  /// `sweep`; false then.
  @discardableResult
  public func release() async -> Bool {
    let (pool, note) = (pool, Note(image: imageID, snapshot: name, owner: .current, taken: Self.now))
    return await Task {
      do {
        try await Self.remove(note, from: pool)
        return true
      } catch {
        return false
      }
    }.value
  }

  /// Removes those whose takers have ended, and those that are older than a day; how many. What cannot be removed now stays noted.
  public static func sweep(_ pool: Pool) async throws -> Int {
    var removed = 0
    var last = ""
    while true {
      let page = try await pool.entries(object, after: last)
      for (_, text) in page {
        guard let note = try? JSONDecoder().decode(Note.self, from: Data(text.utf8)), note.version <= 1,
          note.snapshot.hasPrefix(TrashQueue.ownSnapshots)
        else { continue }
        guard note.owner.liveness == .gone || now - note.taken > longest else { continue }
        do {
          try await remove(note, from: pool)
          removed += 1
        } catch let error as SlipwayError where error.code == .inUse {
          continue
        }
      }
      guard let end = page.last?.key, page.count >= 512 else { return removed }
      last = end
    }
  }

  /// By the image's id, wherever it lies by now: also in the trash.
  private static func remove(_ note: Note, from pool: Pool) async throws {
    do {
      let opened = try await pool.open(id: note.image, readOnly: false)
      do {
        try await opened.removeSnapshot(note.snapshot)
      } catch {
        await opened.close()
        throw error
      }
      await opened.close()
    } catch let error as SlipwayError where error.cephErrno == 2 {
      // The image went, and its snapshots with it.
    }
    try await pool.removeEntry(object, note.snapshot)
  }

  private static var now: Int64 { Int64(Date().timeIntervalSince1970) }
}

internal import Foundation
public import Model
internal import Runtime

/// Images of one pool that are to go and whose removal may have to be tried again: by image id, since a name is given again. Each is noted in one
/// object of the pool before it is touched, moved to the trash, so that its name is free, and removed there. Nothing that is not noted is removed.
public struct TrashQueue: Sendable {
  /// An image that is to go.
  public struct Entry: Sendable, Hashable, Codable {
    /// Version of this format; a newer one is left alone.
    public var version = 1
    /// The image's id.
    public var id: String
    /// The pool's id, which no other pool ever gets.
    public var pool: Int64
    /// The name that it had.
    public var name: String
    /// When it was asked to go, seconds since 1970.
    public var asked: Int64
    /// Whether it was moved to the trash already: whoever brought it back from there wants it back.
    public var isMoved: Bool
    /// Bytes that it takes until then, where whoever asked knew.
    public var bytes: Int64?
    /// Snapshots that go with it, further than those whose names say that they are ours.
    public var snapshots: [String]?
  }

  /// What became of another attempt.
  public enum Outcome: Sendable {
    /// It is removed.
    case removed
    /// It was gone, or somebody brought it back: the note is taken back.
    case dropped
    /// It still lies under its name: whoever asked died before it was moved.
    case notMoved
    /// Something holds it: clones, snapshots, somebody who has it open.
    case held(SlipwayError)
  }

  /// The object that holds the notes, one entry of its map for each image id.
  public static let object = "slipway.deletions"

  /// What the names of snapshots that Slipway takes begin with: all others are somebody's, and hold their image.
  public static let ownSnapshots = "slipway."

  /// How long a move to the trash that is under way may take, seconds.
  static let moveTime: Int64 = 60

  let pool: Pool

  /// The queue of a pool.
  public init(_ pool: Pool) { self.pool = pool }

  /// Notes that an image is to go. Before it is touched.
  public func note(_ image: String, id: String) async throws { try await note(image, id: id, isMoved: false) }

  private func note(_ image: String, id: String, isMoved: Bool, bytes: ByteCount? = nil, snapshots: [String] = []) async throws {
    var entry = Entry(id: id, pool: pool.id, name: image, asked: Int64(Date().timeIntervalSince1970), isMoved: isMoved)
    entry.bytes = bytes?.bytes
    if !snapshots.isEmpty { entry.snapshots = snapshots }
    try await write(entry)
  }

  private func write(_ entry: Entry) async throws {
    try await pool.setEntry(Self.object, entry.id, String(decoding: try JSONEncoder().encode(entry), as: UTF8.self))
  }

  /// Takes a note back.
  public func forget(id: String) async throws { try await pool.removeEntry(Self.object, id) }

  /// Moves an image that still has that id to the trash and removes it there; `false` when its space comes free only later, which stays noted,
  /// with how much it is and which of its snapshots go with it.
  ///
  /// With `isDeferred` it is only moved, and the cleaner's. `isWatched` is what the caller has just seen, nil for who has not looked.
  ///
  /// Throws `busy` when another image has the name by now, and what the move throws: then the note stays, too.
  public func remove(
    _ image: String, id: String, isDeferred: Bool = false, isWatched: Bool? = nil, bytes: ByteCount? = nil, snapshots: [String] = []
  ) async throws -> Bool {
    let (now, isWatched) = try await look(image, isWatched)
    guard now == id else {
      throw SlipwayError(
        .busy, "image \(pool.name)/\(image) was replaced while it was looked at", object: "\(pool.name)/\(image)", hint: "try again")
    }
    try await note(image, id: id, isMoved: false, bytes: bytes, snapshots: snapshots)
    try await pool.moveToTrash(image)
    try await note(image, id: id, isMoved: true, bytes: bytes, snapshots: snapshots)
    // Ceph would try for ten seconds to talk to a client that died, and refuse then.
    if isWatched || isDeferred { return false }
    do {
      try await pool.removeFromTrash(id: id)
    } catch let error as SlipwayError {
      // ENOENT: a cleaner was faster, on this host or another.
      guard error.cephErrno == 2 else { return false }
    }
    try await forget(id: id)
    return true
  }

  /// The id of the image of that name, and whether somebody has it open. An open image costs a clone thirty questions, its parent's with them.
  private func look(_ image: String, _ isWatched: Bool?) async throws -> (String, Bool) {
    if let isWatched { return (try await pool.imageID(named: image), isWatched) }
    let opened = try await pool.open(image)
    do {
      let found = (opened.id, try await opened.watcherCount() > 0)
      await opened.close()
      return found
    } catch {
      await opened.close()
      throw error
    }
  }

  /// All that is noted and of a version that is known here, by id.
  public func entries() async throws -> [Entry] {
    var found: [Entry] = []
    var last = ""
    while true {
      let page = try await pool.entries(Self.object, after: last)
      for (_, text) in page {
        guard let entry = try? JSONDecoder().decode(Entry.self, from: Data(text.utf8)), entry.version <= 1 else { continue }
        found.append(entry)
      }
      guard let end = page.last?.key, page.count >= 512 else { return found }
      last = end
    }
  }

  /// Tries once more to remove what was noted, by its id alone, and nothing else.
  public func retry(_ entry: Entry) async throws -> Outcome {
    guard entry.pool == pool.id else {
      try await forget(id: entry.id)
      return .dropped
    }
    guard try await pool.trashEntry(id: entry.id) != nil else {
      if !entry.isMoved, try await isLive(entry) { return .notMoved }
      try await forget(id: entry.id)
      return .dropped
    }
    if try await pool.isMoving(id: entry.id) {
      // Whoever noted it moves it at once, if it still lives.
      guard Int64(Date().timeIntervalSince1970) - entry.asked >= Self.moveTime else {
        return .held(SlipwayError(.busy, "image \(entry.id) is being moved to the trash of pool \(pool.name)", object: entry.id))
      }
      try await finishMove(entry)
    }
    do {
      // Ceph would try for ten seconds to talk to a client that died, and refuse then.
      guard try await removeOwnSnapshots(of: entry) else {
        return .held(SlipwayError(.inUse, "image \(entry.id) in the trash of pool \(pool.name) is open elsewhere", object: entry.id))
      }
      try await pool.removeFromTrash(id: entry.id)
    } catch let error as SlipwayError where error.cephErrno == 16 || error.cephErrno == 39 {
      return .held(error)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      // Another host's cleaner was faster.
    }
    try await forget(id: entry.id)
    return .removed
  }

  /// Ends the moves to the trash of images of that name that were cut off within Ceph, since until then no other can have it; how many. Only who
  /// holds the claim on the name may, so that none is still under way. What is in the trash is the cleaner's.
  public func finishMoves(of image: String) async throws -> Int {
    var count = 0
    for entry in try await entries() where entry.name == image && entry.pool == pool.id && !entry.isMoved {
      guard try await pool.isMoving(id: entry.id) else { continue }
      try await finishMove(entry)
      count += 1
    }
    return count
  }

  private func finishMove(_ entry: Entry) async throws {
    try await pool.finishMove(entry.name, id: entry.id)
    var moved = entry
    moved.isMoved = true
    try await write(moved)
  }

  /// Runs `make`, which makes an image of that name, and once more if the name was taken by one whose deletion was cut off halfway to the trash. Only
  /// for who holds the claim on the name.
  public func freeing(_ image: String, _ make: () async throws -> Void) async throws {
    do {
      try await make()
    } catch let error as SlipwayError where error.cephErrno == 17 {
      guard try await finishMoves(of: image) > 0 else { throw error }
      try await make()
    }
  }

  /// Snapshots that Slipway took, which had clones when the image went; false while somebody else has the image open. Throws `in_use` while they
  /// have clones.
  private func removeOwnSnapshots(of entry: Entry) async throws -> Bool {
    let image: Image
    do {
      image = try await pool.open(id: entry.id, readOnly: false)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      // A removal was cut off once the header was gone: the entry in the trash goes last, and is still to go.
      return true
    }
    do {
      // One watcher is this very open.
      guard try await image.watcherCount() <= 1 else {
        await image.close()
        return false
      }
      for snapshot in try await image.snapshots() {
        if snapshot.isUsers, snapshot.name.hasPrefix(Self.ownSnapshots) || entry.snapshots?.contains(snapshot.name) == true {
          try await image.unprotect(snapshot: snapshot.name)
          try await image.removeSnapshot(snapshot.name)
        } else if snapshot.removedName?.hasPrefix(Self.ownSnapshots) == true {
          // Whoever removed its last clone may not have been allowed to remove it.
          try await image.removeSnapshot(id: snapshot.id)
        }
      }
    } catch {
      await image.close()
      throw error
    }
    await image.close()
    return true
  }

  private func isLive(_ entry: Entry) async throws -> Bool {
    do {
      let image = try await pool.open(entry.name)
      let id = image.id
      await image.close()
      return id == entry.id
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return false
    }
  }
}

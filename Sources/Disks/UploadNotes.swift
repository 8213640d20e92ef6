public import Ceph
internal import Foundation
public import Model
public import Runtime

/// The uploads that are under way or not finished, in one object of the disks' pool, one entry of its map for each image.
public struct UploadNotes: Sendable {
  /// The object that holds the notes.
  public static let object = "slipway.uploads"
  /// What begins the names of the snapshots that are taken for uploads.
  public static let snapshots = TrashQueue.ownSnapshots + "upload."

  private let pool: Pool

  /// The notes in a pool.
  public init(_ pool: Pool) { self.pool = pool }

  /// The claim of whoever works on an upload.
  public func claim(_ image: ImageID, context: RequestContext, waiting: () async throws -> Void) async throws -> ObjectLease {
    try await ObjectLease.acquire("slipway.upload.\(image.text)", in: pool, context: context, waiting: waiting)
  }

  /// Writes a note down, or how far it is by now.
  public func write(_ note: UploadNote) async throws {
    let text = String(decoding: try JSONEncoder().encode(note), as: UTF8.self)
    try await pool.setEntry(Self.object, note.image.text, text)
  }

  /// Takes a note back: all is done.
  public func forget(_ image: ImageID) async throws { try await pool.removeEntry(Self.object, image.text) }

  /// The note of one image, nil for none that is known here.
  public func note(_ image: ImageID) async throws -> UploadNote? { try await all().first { $0.image == image } }

  /// All that are of a version that is known here, by image.
  public func all() async throws -> [UploadNote] {
    var found: [UploadNote] = []
    var last = ""
    while true {
      let page = try await pool.entries(Self.object, after: last)
      for (_, text) in page {
        guard let note = try? JSONDecoder().decode(UploadNote.self, from: Data(text.utf8)), note.version <= UploadNote.currentVersion else {
          continue
        }
        found.append(note)
      }
      guard let end = page.last?.key, page.count >= 512 else { return found }
      last = end
    }
  }
}

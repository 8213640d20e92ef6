internal import Crypto
internal import Files
public import Model
internal import Runtime

/// What was verified about an RBD snapshot that disks are cloned from, as `meta/snapshot-<hash>.json` keeps it.
private struct SnapshotRecord: Codable {
  static let currentVersion = 1
  var version = SnapshotRecord.currentVersion
  /// fsid, pool id, image id and snapshot id: none of them is ever given to another, so that a snapshot made anew under the same name is another.
  var snapshot: String
  var evidence: Evidence
}

extension Store {
  /// The evidence of a snapshot, nil when it was never verified here, or what is kept of it cannot be read.
  public func evidence(ofSnapshot ids: String) async throws -> Evidence? {
    let name = try Self.snapshotFile(ids)
    return try await pool.run {
      guard let bytes = try self.meta.contents(of: name), let record = try? StoreJSON.decode(SnapshotRecord.self, bytes) else { return nil }
      guard record.version <= SnapshotRecord.currentVersion, record.snapshot == ids else { return nil }
      return record.evidence
    }
  }

  /// Keeps the evidence of a snapshot, whole or not at all.
  public func keep(_ evidence: Evidence, ofSnapshot ids: String) async throws {
    let name = try Self.snapshotFile(ids)
    let bytes = try StoreJSON.encode(SnapshotRecord(snapshot: ids, evidence: evidence))
    try await pool.run {
      try self.meta.replace(name, with: bytes, temporary: TemporaryName(.json).text, in: self.temporary)
    }
  }

  private static func snapshotFile(_ ids: String) throws(SlipwayError) -> String {
    "snapshot-\(try Digest.of(Array(ids.utf8), .sha256).hex.prefix(32)).json"
  }
}

public import Model
internal import Runtime

extension Store {
  /// Replaces the evidence of a base whose source was verified again. Throws `base_not_found`, `base_damaged`, `busy` when the lock was taken
  /// away.
  public func noteEvidence(_ evidence: Evidence, lock: BaseLock) async throws -> BaseRecord {
    try await pool.run {
      try lock.verify()
      var record = try self.readyRecord(lock.name)
      record.evidence = evidence
      try self.writeSidecar(record)
      return record
    }
  }
}

internal import ImageStore
internal import Model
internal import Runtime

extension Agent {
  /// Runs `body` on a base that nothing evicts meanwhile: from when it is here to when a disk refers to it. A base that goes before it is claimed
  /// is brought again; the third time that it goes is an error.
  func leasing<Value: Sendable>(
    _ note: String, _ context: RequestContext, bring: @Sendable () async throws -> FetchAnswer,
    _ body: @Sendable (FetchAnswer) async throws -> Value
  ) async throws -> Value {
    let store = try await store(context)
    var attempt = 1
    while true {
      let base = try await bring()
      let lease: BaseLease
      do {
        lease = try await store.lease(base.record.name, note: note, context: context)
      } catch let error as SlipwayError where error.code == .baseNotFound && attempt < 3 {
        attempt += 1
        continue
      }
      defer { lease.release() }
      return try await body(base)
    }
  }
}

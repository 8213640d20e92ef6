internal import Cleaner
internal import Configuration
internal import Model
internal import PoolStore
internal import Runtime

extension Agent {
  /// Makes room for a new base of about `bytes` under the pool's limits, as far as others may go. A base that alone is larger than the limit drives
  /// nobody out. No limit of a cache keeps a disk from being made: what stays exceeded is logged, and the next cleaning's.
  func makeRoom(
    for bytes: ByteCount, in tier: Configuration.Tier, except draft: PoolBaseDraft, _ image: ResolvedImage, _ context: RequestContext
  ) async throws {
    guard tier.maxBytes != nil || tier.maxCount > 0 else { return }
    if let limit = tier.maxBytes, bytes > limit {
      context.log(
        .warning, "a base is larger than its pool's max_bytes; nothing is removed for it",
        ["image": image.key, "bytes": "\(bytes.bytes)", "pool": tier.pool])
      return
    }
    do {
      try await withPoolStore(tier, context) { store in
        var report = PoolCleanReport()
        let state = try await clean(store, tier, newcomer: (draft.name, bytes), dryRun: false, &report, context)
        if !state.unmet.isEmpty {
          context.log(
            .warning, "bases in the pool exceed their limits, and none of them may go",
            ["pool": tier.pool, "limits": state.unmet.map(\.rawValue).joined(separator: " ")])
        }
      }
    } catch {
      let error = try Self.told(error)
      context.log(.warning, "no room could be made in the pool for bases", ["pool": tier.pool, "error": error.message])
    }
  }
}

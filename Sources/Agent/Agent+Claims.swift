internal import Configuration
public import ImageStore
internal import Model
public import PoolStore
public import Runtime

extension Agent {
  /// The store's bases that are ours, sorted and filtered.
  public func bases(
    sortedBy sort: BaseSort, descending: Bool, where filter: BaseFilter, context: RequestContext
  ) async throws -> [BaseSummary] {
    try await store(context).list(sortedBy: sort, descending: descending, where: filter)
  }

  /// Pins the bases of an image, in the store and in the pool, for good or for so long. Throws `base_not_found` when there is none in either.
  public func pin(
    _ image: String, note: String?, for duration: Duration?, context: RequestContext
  ) async throws -> ([BaseSummary], [PoolBase]) {
    let store = try await store(context)
    let expires = duration.map { Self.now + $0.components.seconds }
    let (here, pooled) = try await everywhere(image, context)
    for base in here { try await store.pin(base.name, note: note, expires: expires) }
    let (now, _) = try await setPoolPin(pooled.bases, true, note: note, expires: expires, context)
    return (here.isEmpty ? [] : try await summaries(of: image, context), now)
  }

  /// The bases of an image in the store and in the pool. Throws `base_not_found` when there is none in either.
  func everywhere(_ image: String, _ context: RequestContext) async throws -> ([BaseSummary], PoolBases) {
    let pooled = try await poolBases(of: image, context: context)
    do {
      return (try await summaries(of: image, context), pooled)
    } catch let error as SlipwayError where error.code == .baseNotFound {
      guard pooled.bases.isEmpty else { return ([], pooled) }
      throw pooled.unavailable ?? error
    }
  }

  /// The pins that hold now, by base.
  public func pins(context: RequestContext) async throws -> [String: Pin] {
    let pinned = try await store(context).list(sortedBy: .name, where: BaseFilter(pinned: true))
    return Dictionary(pinned.compactMap { base in base.pin.map { (base.name.text, $0) } }, uniquingKeysWith: { one, _ in one })
  }

  /// Takes the pins of an image's bases away; false when there was none. Throws `base_not_found`.
  public func unpin(_ image: String, context: RequestContext) async throws -> ([BaseSummary], [PoolBase], Bool) {
    let store = try await store(context)
    var found = false
    let (here, pooled) = try await everywhere(image, context)
    for base in here where try await store.unpin(base.name) { found = true }
    let (now, wasPinned) = try await setPoolPin(pooled.bases, false, note: nil, expires: nil, context)
    return (here.isEmpty ? [] : try await summaries(of: image, context), now, found || wasPinned)
  }

  /// The bases of an image: by id, by the name it had, by its source, or by the base's own name. Throws `base_not_found`.
  func summaries(of image: String, _ context: RequestContext) async throws -> [BaseSummary] {
    let found = try await store(context).list(sortedBy: .name, where: BaseFilter(image: image))
    guard !found.isEmpty else {
      throw SlipwayError(
        .baseNotFound, "no base of '\(image)' is in the store \(configuration.store.path)", object: image,
        hint: "see 'slipway cache list', or bring it with: slipway fetch \(image)")
    }
    return found
  }
}

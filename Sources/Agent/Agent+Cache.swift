internal import Configuration
public import ImageStore
internal import Model
public import Runtime

extension Agent {
  /// Everything in the store: bases of ours, and names that are not.
  public func bases(context: RequestContext) async throws -> [StoreEntry] { try await store(context).list() }

  /// The store's directory.
  public var storePath: String { configuration.store.path }

  /// The bases of one image: by image id, by the name the image had when it was fetched, or by the base's own name. Throws `base_not_found`.
  public func bases(of text: String, context: RequestContext) async throws -> [StoreEntry] {
    let wanted = ImageID(text)?.text ?? text
    let store = try await store(context)
    let named = try store.layout.name(of: ImageID(text))
    let found = try await store.list().filter { entry in
      if entry.name == wanted || entry.name == named?.text { return true }
      guard let record = entry.state.record else { return false }
      return record.images.contains { $0.text == wanted } || record.imageName == wanted || record.source == wanted
    }
    guard !found.isEmpty else {
      throw SlipwayError(
        .baseNotFound, "no base of '\(text)' is in the store \(configuration.store.path)", object: text,
        hint: "see 'slipway cache list', or bring it with: slipway fetch \(text)")
    }
    return found
  }

  /// The bases of one image in the store and in the pool. Throws `base_not_found` when there is none in either.
  public func basesEverywhere(of text: String, context: RequestContext) async throws -> ([StoreEntry], PoolBases) {
    let pooled = try await poolBases(of: text, context: context)
    do {
      return (try await bases(of: text, context: context), pooled)
    } catch let error as SlipwayError where error.code == .baseNotFound {
      guard pooled.bases.isEmpty else { return ([], pooled) }
      throw pooled.unavailable ?? error
    }
  }

  /// Stops cleaning, scrubbing and prewarming on this host, or lets them go on; what holds now.
  public func setMaintenance(_ on: Bool, note: String?, context: RequestContext) async throws -> Maintenance? {
    let store = try await store(context)
    try await store.setMaintenance(on, note: note)
    return try await store.maintenance()
  }
}

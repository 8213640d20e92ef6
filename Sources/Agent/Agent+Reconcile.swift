internal import Cleaner
internal import ImageStore
internal import Model
internal import OpenStack
internal import Runtime

/// What the image service says of an image that bases were fetched for.
private enum ImageFate: Sendable {
  /// It is there, with that digest if it has one.
  case there(Digest?)
  /// No request will get it; one clause why.
  case gone(String)
}

extension Agent {
  /// The most images that are asked for in one cleaning.
  private static let questions = 1000

  /// Asks the image service about the images of bases that may go, and marks the bases that no request will ask for again. Why not all were
  /// asked for is answered, one sentence; an image service that is not configured is no reason for one.
  func markOrphans(
    _ view: inout CleanView, _ policy: CleanPolicy, _ store: Store, _ context: RequestContext, only: Set<String>? = nil
  ) async throws -> String? {
    let candidates = view.world.bases.filter { base in
      // What no image is known of needs no question, and neither a judgement nor a place in the order.
      guard let served = view.summaries[base.name]?.details?.images, !served.isEmpty else { return false }
      return (only?.contains(base.name) ?? true) && StoreCleaner.protection(of: base, in: view.world, policy) == nil
    }.sorted { ($0.lastUse, $0.name) < ($1.lastUse, $1.name) }
    var images: [ImageID] = []
    var seen: Set<ImageID> = []
    for base in candidates {
      for image in view.summaries[base.name]?.details?.images ?? [] where seen.insert(image).inserted { images.append(image) }
    }
    guard !images.isEmpty else { return nil }
    let (fates, problem) = try await self.fates(of: Array(images.prefix(Self.questions)), context)
    for base in candidates {
      guard let summary = view.summaries[base.name], let served = summary.details?.images, !served.isEmpty else { continue }
      var reasons: [String] = []
      for image in served {
        switch fates[image] {
        case .gone(let reason): reasons.append(reason)
        case .there(let digest?):
          guard case .digest(let own)? = try await store.state(of: summary.name).record?.identity.anchor,
            own.algorithm == digest.algorithm, own != digest
          else { break }
          reasons.append("image \(image) has other bytes now")
        case .there, nil: break
        }
      }
      guard reasons.count == served.count, let index = view.world.bases.firstIndex(where: { $0.name == base.name }) else { continue }
      view.world.bases[index].orphan = reasons.joined(separator: ", ")
    }
    if problem == nil, images.count > Self.questions { return "only \(Self.questions) of \(images.count) images were asked for" }
    return problem
  }

  /// The fates of images, as far as the image service tells them within half a minute. The first failure ends the asking.
  private func fates(of images: [ImageID], _ context: RequestContext) async throws -> ([ImageID: ImageFate], String?) {
    var context = context
    context.deadline = context.deadline.capped(.seconds(30))
    let limited = context
    let glance: GlanceClient
    let seesAll: Bool
    do {
      glance = try await imageService()
      // Who does not see every image cannot tell a deleted one from another tenant's.
      seesAll = try await glance.session?.token(limited).roles.contains { $0.lowercased() == "admin" } ?? true
    } catch {
      try Task.checkCancellation()
      let error = SlipwayError.wrap(error)
      return ([:], error.code == .configuration ? nil : "the image service was not asked: \(error.message)")
    }
    return try await withThrowingTaskGroup(of: (ImageID, Result<ImageFate, SlipwayError>).self) { group in
      var fates: [ImageID: ImageFate] = [:]
      var problem: String?
      var waiting = images.makeIterator()
      func ask() {
        guard problem == nil, let image = waiting.next() else { return }
        group.addTask { (image, await Self.fate(of: image, seesAll, glance, limited)) }
      }
      for _ in 0..<8 { ask() }
      while let (image, result) = try await group.next() {
        switch result {
        case .success(let fate): fates[image] = fate
        case .failure(let error): problem = "the image service was not asked about all images: \(error.message)"
        }
        ask()
      }
      try Task.checkCancellation()
      return (fates, problem)
    }
  }

  private static func fate(
    of image: ImageID, _ seesAll: Bool, _ glance: GlanceClient, _ context: RequestContext
  ) async -> Result<ImageFate, SlipwayError> {
    do {
      let found = try await glance.image(id: image, locations: false, context: context)
      switch found.status {
      case .deactivated: return .success(.gone("image \(image) is deactivated"))
      case .deleted, .pendingDelete, .killed: return .success(.gone("image \(image) is deleted"))
      default: return .success(.there(found.digest))
      }
    } catch {
      let error = SlipwayError.wrap(error)
      guard error.code == .imageNotFound else { return .failure(error) }
      return .success(seesAll ? .gone("image \(image) is deleted") : .there(nil))
    }
  }
}

internal import Configuration
internal import ImageTrust
internal import Model
internal import OpenStack
internal import Runtime

extension Agent {
  /// Asks who may use the image, every time. Throws for an image that may not be used now; `cachedOnly` where a base that is here may serve all the same.
  func resolve(_ request: ImageRequest, _ context: RequestContext) async throws -> Resolution {
    context.progress(Progress(phase: .planning))
    if let name = request.tier { try tier(named: name) }
    if case .location(let location) = request.reference { return .image(try typed(location, request)) }
    guard request.diskFormat == nil else {
      let file = if case .name(let name) = request.reference { ", or write ./\(name) for a file of that name" } else { "" }
      throw SlipwayError(
        .usage, "--disk-format belongs to a path or URL; the image service knows the format of its images",
        hint: "leave --disk-format out\(file)")
    }
    let glance = try await imageService(for: request.reference)
    let description: ImageDescription
    do {
      switch request.reference {
      case .id(let id): description = try await glance.image(id: id, token: request.token, context: context)
      case .name(let name): description = try await glance.image(named: name, token: request.token, context: context)
      case .location: throw SlipwayError(.internalError, "a location has no place here")
      }
    } catch var error as SlipwayError {
      if case .name(let name) = request.reference, error.code == .imageNotFound {
        error.hint = (error.hint.map { "\($0); " } ?? "") + "for a file of that name write ./\(name)"
      }
      return try await survive(error, request, glance, context)
    }
    let rule = policy.effective(owner: description.owner, stores: description.stores)
    let signature: ImageSignature?
    do {
      signature = try Self.judge(description, rule, trusted: request.trusted)
    } catch {
      if error.code == .imageDeleted, let id = description.id, request.purpose.survivesDeletion { return .cachedOnly(id, error) }
      throw error
    }
    return .image(
      ResolvedImage(
        description: description, typed: false, digest: request.digest, token: request.token, signature: signature,
        trusted: request.trusted, tier: request.tier, rule: rule))
  }

  /// The image service, or why `reference` cannot be looked up in it: somebody without one has most likely mistyped a path.
  private func imageService(for reference: ImageReference) async throws -> GlanceClient {
    do {
      return try await imageService()
    } catch var error as SlipwayError where error.code == .configuration {
      switch reference {
      case .name(let name):
        error.message = "image '\(name)' belongs to an image service: \(error.message)"
        error.hint = (error.hint.map { "\($0); " } ?? "") + "for a file of that name write ./\(name)"
      case .id(let id): error.message = "image \(id) belongs to an image service: \(error.message)"
      case .location: break
      }
      throw error
    }
  }

  /// What an administrator typed, as an image.
  private func typed(_ location: Location, _ request: ImageRequest) throws -> ResolvedImage {
    guard let format = request.diskFormat else {
      throw SlipwayError(
        .usage, "the format of \(location) is not told, and it is never guessed", object: location.description,
        hint: "add --disk-format raw or --disk-format qcow2")
    }
    let description = ImageDescription(diskFormat: format, locations: [location])
    return ResolvedImage(
      description: description, typed: true, digest: request.digest, token: nil, trusted: request.trusted,
      tier: request.tier, rule: policy.effective(owner: nil, stores: []))
  }

  /// What an image's status and claims mean to a caller, on a hit as on a miss. The signature that it has; nil when it has none, or nobody is to
  /// look at it.
  @discardableResult
  static func judge(
    _ image: ImageDescription, _ rule: EffectiveRule = EffectiveRule(), trusted: [String] = []
  ) throws(SlipwayError) -> ImageSignature? {
    let label = "image \(image.label)"
    switch image.status {
    case .active: break
    case .deactivated:
      throw SlipwayError(
        .imageDeactivated, "\(label) is deactivated", object: image.label, hint: "an administrator may reactivate it")
    case .killed: throw SlipwayError(.imageUnusable, "\(label) is killed: its upload failed", object: image.label, hint: "upload it again")
    case .deleted, .pendingDelete: throw SlipwayError(.imageDeleted, "\(label) is deleted", object: image.label)
    case .queued, .saving, .uploading, .importing, .unknown:
      throw SlipwayError(
        .imageNotReady, "\(label) is not active yet (\(image.status.rawValue))", object: image.label, hint: "try again when it is active")
    }
    if rule.demands.signature == .off, trusted.isEmpty { return nil }
    return try ImageSignature.parse(image.signature, of: image.label)
  }

  /// Where a base that is here may serve without the image service: a deleted image for what already has disks, and an outage if configured.
  ///
  /// Never for a caller's token: only the service can tell what its owner may see (docs/decisions/0005). Without one our own rights stand.
  private func survive(
    _ error: SlipwayError, _ request: ImageRequest, _ glance: GlanceClient, _ context: RequestContext
  ) async throws -> Resolution {
    guard case .id(let id) = request.reference else { throw error }
    switch error.code {
    case .imageServiceUnavailable, .timeout:
      guard configuration.images.onServiceDown == .serveCached, !context.deadline.hasPassed else { throw error }
      guard request.token == nil else { throw Self.unseen(error, "the image service cannot be asked what the caller may see") }
      context.log(.warning, "the image service is down; serving what is cached", ["image": id.text, "error": error.message])
      return .cachedOnly(id, error)
    case .imageNotFound:
      guard request.purpose.survivesDeletion else { throw error }
      guard request.token == nil else {
        throw Self.unseen(error, "whether it was deleted or is another's cannot be told by a caller's token")
      }
      return .cachedOnly(id, error)
    default: throw error
    }
  }

  /// The same error for a caller who is not served from what is cached, with the reason.
  private static func unseen(_ error: SlipwayError, _ reason: String) -> SlipwayError {
    var refused = error
    refused.hint = "\(reason); without a token this host's own rights decide"
    return refused
  }
}

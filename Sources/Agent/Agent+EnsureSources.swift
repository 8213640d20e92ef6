internal import ImageTrust
internal import Configuration
internal import Disks
internal import ImageStore
internal import Model
internal import Runtime

extension Agent {
  /// Brings a base that is not here: by its image, else from a copy.
  func bring(
    _ name: BaseName, _ format: BaseFormat, _ overlay: String, _ request: EnsureRequest, _ store: Store,
    _ start: ContinuousClock.Instant, _ context: RequestContext
  ) async throws -> FetchAnswer {
    if request.from != nil, store.layout.choosesFormat {
      throw SlipwayError(
        .digestRequired, "in Nova's cache a base's name tells its image and not its bytes, so a copy of \(name) proves nothing",
        object: store.path(of: name), hint: "leave --from out, and name the image with --image")
    }
    var copy: BaseCopy?
    if let from = request.from { copy = try await BaseCopy.find(name, at: from, agent: self, context: context) }
    var refusal: SlipwayError?
    for reference in try await images(request, overlay, copy) {
      do {
        return try await byImage(reference, name, format, request, start, context)
      } catch let error as SlipwayError {
        try Task.checkCancellation()
        guard Self.leavesToCopy(error) else { throw error }
        context.log(.info, "the image does not bring the base", ["base": name.text, "error": error.message])
        // What the caller named counts most.
        refusal = refusal ?? error
      }
    }
    guard let copy else { throw nowhere(name, overlay, refusal, store) }
    return try await byCopy(copy, name, format, overlay, request, store, start, context)
  }

  /// The images from which the base may have been made: what the caller says, what our own record of the disk says, and what the copy's evidence
  /// says. Wrong ones do no harm, since the base's name must come out.
  private func images(_ request: EnsureRequest, _ overlay: String, _ copy: BaseCopy?) async throws -> [ImageReference] {
    var found: [ImageReference] = []
    if let image = request.image {
      if case .location(let location) = image {
        throw SlipwayError(
          .usage, "\(location) is a location, and --image names an image of the image service", object: location.description,
          hint: "give it as --from")
      }
      found.append(image)
    }
    let disks = try await fileDisks().list()
    if let disk = disks.first(where: { $0.path == overlay }), let id = ImageID(disk.record.request.image) { found.append(.id(id)) }
    found += (copy?.record?.images ?? []).map { .id($0) }
    var seen: Set<ImageReference> = []
    return found.filter { seen.insert($0).inserted }
  }

  /// Fetches the image when the base that comes of it is this one.
  private func byImage(
    _ reference: ImageReference, _ name: BaseName, _ format: BaseFormat, _ request: EnsureRequest, _ start: ContinuousClock.Instant,
    _ context: RequestContext
  ) async throws -> FetchAnswer {
    let wanted = ImageRequest(reference: reference, token: request.token, purpose: .migrate)
    switch try await resolve(wanted, context) {
    case .cachedOnly(_, let error): throw error
    case .image(var image):
      let layout = try await store(context).layout
      let (visibility, owner) = (image.description.visibility, image.description.owner)
      // It may have been made public, or private, since the base was made.
      for asPublic in [visibility == "public", visibility != "public"] {
        image.description.visibility = asPublic ? "public" : "private"
        image.description.owner = owner
        guard let plain = try identity(image, format, version: nil) else { continue }
        guard try layout.place(plain, of: image.description.id, object: image.key).name == name else { continue }
        return try await base(image, format, isFirm: true, start, context)
      }
      throw SlipwayError(
        .baseNotFound, "image \(image.key) does not make the base \(name) now", object: image.key,
        hint: "the disk was made from another image, or its digest was changed; give --image or --from")
    }
  }

  /// Whether a copy may still serve where the image cannot: it is gone, unknown, or cannot be read now. A verdict on bytes or trust is not passed over.
  private static func leavesToCopy(_ error: SlipwayError) -> Bool {
    switch error.code {
    case .imageNotFound, .imageDeleted, .imageDeactivated, .imageUnusable, .imageNotReady, .baseNotFound, .sourceNotFound, .noRoute,
      .clusterUnreachable, .permissionDenied, .imageServiceUnavailable, .imageServiceDenied, .sourceFailed, .timeout, .configuration,
      .ambiguousName:
      true
    default: false
    }
  }

  private func nowhere(_ name: BaseName, _ overlay: String, _ refusal: SlipwayError?, _ store: Store) -> SlipwayError {
    let object = store.path(of: name)
    guard let refusal else {
      return SlipwayError(
        .baseNotFound, "the base \(object) of \(overlay) is not here, and nothing tells of which image it was made", object: object,
        hint: "give --image IMAGE, or --from a copy of the base (path or URL)")
    }
    // Gone for good is this base's own error; an outage stays one, so that the caller tries again.
    return SlipwayError(
      refusal.code.retry == .never ? .baseNotFound : refusal.code, "the base \(object) of \(overlay) is not here: \(refusal.message)",
      object: object, hint: "give --from a copy of the base (path or URL), such as the store of the host where the disk comes from",
      cause: refusal)
  }

  /// From a copy, once it is known which bytes prove it.
  private func byCopy(
    _ copy: BaseCopy, _ name: BaseName, _ format: BaseFormat, _ overlay: String, _ request: EnsureRequest, _ store: Store,
    _ start: ContinuousClock.Instant, _ context: RequestContext
  ) async throws -> FetchAnswer {
    let (identity, digest) = try Self.proof(of: name, format, copy.record, request.digest)
    let rule = policy.effective(owner: identity.owner, stores: [])
    guard rule.demands.signature != .required else {
      throw SlipwayError(
        .signatureRequired, "a copy of the base \(name) proves its digest and no signature, and the policy requires one", object: name.text,
        hint: "name its image with --image while the image service has it")
    }
    var description = ImageDescription(
      diskFormat: identity.sourceFormat, locations: copy.places.first.map { [Location(url: $0.shown)] } ?? [])
    var demanded: Digest?
    if request.digest == digest { demanded = digest } else { description.digest = digest }
    if case .id(let id) = request.image { description.id = id }
    let label = description.id?.text
    var image = ResolvedImage(description: description, typed: true, digest: demanded, token: nil, rule: rule)
    image.isCopy = true
    try Self.judgeBytes(image)
    try image.demand(configuration).judge()
    let proved = image
    return try await store.withBaseLock(identity, context: context) { wait in
      context.progress(Progress(phase: .waiting, position: wait.work?.position ?? 0, total: wait.work?.total))
    } _: { lock in
      // Another may have brought it meanwhile.
      if let answer = try await self.present(name, format, overlay, store, start, context) { return answer }
      var telling = context
      telling.progress = { progress in
        lock.report(progress)
        context.progress(progress)
      }
      let work = BaseWork(agent: self, store: store, image: proved, identity: identity, lock: lock, rate: nil, context: telling)
      let (published, route, tally) = try await work.take(copy)
      return FetchAnswer(
        image: label ?? published.record.source, path: published.path, record: published.record, route: route, tally: tally,
        duration: ContinuousClock.now - start)
    }
  }

  /// What makes the base this base, and the digest that its image's bytes must have.
  ///
  /// The base's name is the hash of its identity, so evidence (or a typed digest) that gives that name tells the truth about the digest, whoever wrote
  /// it. Throws `digest_required` where nothing does.
  static func proof(of name: BaseName, _ format: BaseFormat, _ record: BaseRecord?, _ typed: Digest?) throws -> (BaseIdentity, Digest) {
    if let identity = record?.identity, identity.name == name {
      if case .digest(let digest) = identity.anchor {
        if let typed, typed.algorithm == digest.algorithm, typed != digest {
          throw SlipwayError(
            .digestMismatch, "the base \(name) was made of bytes with \(digest), the request says \(typed)", object: name.text,
            hint: "nothing was moved; leave --digest out")
        }
        return (identity, digest)
      }
      guard let typed, typed.algorithm.isStrong else {
        throw SlipwayError(
          .digestRequired, "the base \(name) is known by where its image lay and not by a digest, so a copy of it proves nothing by itself",
          object: name.text, hint: "give the SHA-2 digest of the image with --digest, if you trust it")
      }
      return (identity, typed)
    }
    if let typed, typed.algorithm.isStrong {
      for source in ["raw", "qcow2"] {
        let identity = try BaseIdentity(digest: typed, sourceFormat: source, format: format, owner: nil)
        if identity.name == name { return (identity, typed) }
      }
      throw SlipwayError(
        .digestMismatch, "an image with \(typed) does not make the base \(name)", object: name.text,
        hint: "the base of an image that is not public can be proved only with its evidence (meta/\(name).json) beside the copy")
    }
    throw SlipwayError(
      .digestRequired, "no evidence lies beside the copy of \(name), so nothing can prove it", object: name.text,
      hint: "put meta/\(name).json of the other host's store beside it, or give the image's digest with --digest")
  }
}

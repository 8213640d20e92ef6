public import ImageStore
public import Model
public import OpenStack
public import Runtime

/// What a prewarming brings, and how.
public struct PrewarmRequest: Sendable {
  /// What is to be brought: names, ids, or a selection of the image service's.
  public enum Wanted: Sendable {
    case images([ImageReference])
    case selection(ImageSelection)
  }
  /// The images.
  public var wanted: Wanted
  /// Format of the bases; nil for the configured one.
  public var format: BaseFormat?
  /// Images at once, 1 at least.
  public var jobs: Int
  /// Bytes per second over all of them; nil for no limit.
  public var rate: ByteCount?
  /// How long each base is pinned, and why; nil pins nothing.
  public var keep: (time: Duration, note: String)?

  /// A request.
  public init(wanted: Wanted, format: BaseFormat?, jobs: Int, rate: ByteCount?, keep: (time: Duration, note: String)? = nil) {
    self.keep = keep
    self.wanted = wanted
    self.format = format
    self.jobs = max(1, jobs)
    self.rate = rate
  }
}

/// What became of one image.
public struct PrewarmOutcome: Sendable {
  /// The word for it.
  public enum Word: String, Sendable, Hashable { case cached, fetched, failed, skipped }
  /// What the image was called: as it was named, or its id.
  public let image: String
  /// What became of it.
  public let word: Word
  /// The base, when there is one now.
  public let answer: FetchAnswer?
  /// Why not, when there is none.
  public let error: SlipwayError?
}

extension Agent {
  /// Brings images into the store, the smallest first, several at once; one that fails does not stop the rest. Never evicts to make room.
  ///
  /// `progress` tells the bytes behind us over all images, with the total as far as it is known; `done` each outcome as it comes. Once the deadline has
  /// passed, what is left is skipped, with `timeout`. Throws only what ends the whole: maintenance, no image service, `CancellationError`. Run it again to
  /// bring what is left after an interruption.
  public func prewarm(
    _ request: PrewarmRequest, context: RequestContext, done: @escaping @Sendable (PrewarmOutcome) -> Void = { _ in }
  ) async throws -> [PrewarmOutcome] {
    try await store(context).refuseInMaintenance("prewarming")
    let queue = try await sorted(request.wanted, context)
    let rate = request.rate.flatMap { $0.bytes > 0 ? RateLimit(bytesPerSecond: $0.bytes) : nil }
    let total = TotalProgress(sizes: queue.map { $0.refusal == nil ? $0.size?.bytes : 0 }, report: context.progress)
    return try await withThrowingTaskGroup(of: (Int, PrewarmOutcome).self) { group in
      var outcomes: [Int: PrewarmOutcome] = [:]
      var waiting = queue.enumerated().makeIterator()
      func add(_ index: Int, _ item: Item) {
        var own = context
        own.priority = .prewarm
        own.progress = { total.update(index, $0) }
        let quiet = own
        group.addTask {
          let outcome = try await self.bring(item, request, rate, quiet)
          total.finish(index)
          return (index, outcome)
        }
      }
      for _ in 0..<request.jobs { if let (index, item) = waiting.next() { add(index, item) } }
      while let (index, outcome) = try await group.next() {
        outcomes[index] = outcome
        done(outcome)
        if let (index, item) = waiting.next() { add(index, item) }
      }
      return queue.indices.compactMap { outcomes[$0] }
    }
  }

  private struct Item: Sendable {
    var label: String
    var reference: ImageReference?
    var size: ByteCount?
    /// Set for one that is not even tried.
    var refusal: SlipwayError?
    var skipped = false
  }

  private static func late(_ label: String) -> SlipwayError {
    SlipwayError(
      .timeout, "the deadline passed before image \(label) was brought", object: label,
      hint: "run it again for what is left, with more time")
  }

  /// What is wanted, the smallest first, each image once; what is unknown or not to be brought keeps its place at the end, with its reason.
  private func sorted(_ wanted: PrewarmRequest.Wanted, _ context: RequestContext) async throws -> [Item] {
    var items: [Item] = []
    switch wanted {
    case .selection(let selection):
      for image in try await imageService().images(selection, context: context) {
        guard let id = image.id else { continue }
        items.append(Item(label: id.text, reference: .id(id), size: image.size))
      }
    case .images(let references):
      let glance = try await imageService()
      var seen: Set<String> = []
      for reference in references { items.append(try await look(reference, glance, context)) }
      items = items.filter { seen.insert($0.label).inserted }
    }
    return items.enumerated().sorted { a, b in
      let (left, right) = (a.element.size?.bytes ?? .max, b.element.size?.bytes ?? .max)
      return left == right ? a.offset < b.offset : left < right
    }.map(\.element)
  }

  /// Size and id of an image that was named; a failure is this image's own.
  private func look(_ reference: ImageReference, _ glance: GlanceClient, _ context: RequestContext) async throws -> Item {
    var item: Item
    switch reference {
    case .id(let id): item = Item(label: id.text, reference: reference)
    case .name(let name): item = Item(label: name, reference: reference)
    case .location(let location):
      return Item(
        label: location.description,
        refusal: SlipwayError(
          .usage, "\(location) is a location; only images of the image service are prewarmed", object: location.description,
          hint: "use: slipway fetch"))
    }
    do {
      let image: ImageDescription
      switch reference {
      case .id(let id): image = try await glance.image(id: id, locations: false, context: context)
      default: image = try await glance.image(named: item.label, locations: false, context: context)
      }
      if let id = image.id { item = Item(label: id.text, reference: .id(id), size: image.size) }
      if image.hidden {
        item.refusal = SlipwayError(
          .imageUnusable, "image \(image.label) is hidden", object: image.label, hint: "fetch it by its id if it is wanted")
        item.skipped = true
      }
    } catch {
      try Task.checkCancellation()
      item.refusal = SlipwayError.wrap(error)
      if context.deadline.hasPassed, item.refusal?.code == .timeout { (item.refusal, item.skipped) = (Self.late(item.label), true) }
    }
    return item
  }

  private func bring(
    _ item: Item, _ request: PrewarmRequest, _ rate: RateLimit?, _ context: RequestContext
  ) async throws -> PrewarmOutcome {
    if let refusal = item.refusal {
      return PrewarmOutcome(image: item.label, word: item.skipped ? .skipped : .failed, answer: nil, error: refusal)
    }
    guard let reference = item.reference else {
      return PrewarmOutcome(image: item.label, word: .skipped, answer: nil, error: nil)
    }
    if context.deadline.hasPassed { return PrewarmOutcome(image: item.label, word: .skipped, answer: nil, error: Self.late(item.label)) }
    do {
      let answer = try await fetch(ImageRequest(reference: reference), format: request.format, rate: rate, context: context)
      if let keep = request.keep { _ = try await self.keep(answer.record.name, for: keep.time, note: keep.note, store(context)) }
      return PrewarmOutcome(image: item.label, word: answer.route == nil ? .cached : .fetched, answer: answer, error: nil)
    } catch {
      try Task.checkCancellation()
      let ours = SlipwayError.wrap(error)
      context.log(.info, "an image was not prewarmed", ["image": item.label, "error": ours.message])
      if context.deadline.hasPassed, ours.code == .timeout {
        return PrewarmOutcome(image: item.label, word: .skipped, answer: nil, error: Self.late(item.label))
      }
      return PrewarmOutcome(image: item.label, word: .failed, answer: nil, error: ours)
    }
  }
}

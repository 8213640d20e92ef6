internal import Configuration
internal import Model
internal import OpenStack
internal import Runtime

extension Agent {
  /// Has the image service copy an image to the store in the disks' cluster, waits for it, and answers the image with its new location.
  ///
  /// Throws `source_failed` as soon as the image service says that the copy failed, and what `GlanceClient.requestCopy` throws. A copy that somebody
  /// else asked for is waited for.
  func copiedToStore(_ image: ResolvedImage, _ context: RequestContext) async throws -> ResolvedImage {
    guard let id = image.description.id, let store = configuration.images.copyStore else { throw noRoute(image) }
    let glance = try await imageService()
    var isAsked = false
    var refusals = 0
    while true {
      try context.deadline.check("image \(id) was copied to store '\(store)'")
      switch try await glance.copy(of: id, to: store, context: context) {
      case .present:
        var copied = image
        copied.description = try await glance.image(id: id, token: image.token, context: context)
        return copied
      case .running: break
      case .failed where isAsked:
        throw SlipwayError(
          .sourceFailed, "the image service could not copy image \(id) to its store '\(store)'", object: id.text,
          hint: "its log says why; try again")
      case .failed, .absent:
        // What failed once before may succeed now; one that vanishes without a word is asked for again, but not for ever.
        guard refusals < 5 else {
          throw SlipwayError(
            .sourceFailed, "the image service does not begin to copy image \(id) to its store '\(store)'", object: id.text,
            hint: "try again")
        }
        context.log(.info, "asking for a copy of an image", ["image": id.text, "store": store])
        isAsked = try await glance.requestCopy(of: id, to: store, context: context)
        refusals += 1
      }
      context.progress(Progress(phase: .waiting))
      try await Task.sleep(for: .milliseconds(500))
    }
  }
}

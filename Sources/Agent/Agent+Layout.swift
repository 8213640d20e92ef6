internal import Configuration
internal import ImageStore
internal import Model
internal import Runtime

extension Agent {
  /// The layout that is configured. Nova's is told by nova-compute's own configuration, which is read here; blocks.
  static func layout(_ configuration: Configuration) throws -> Layout {
    switch configuration.store.layout {
    case .native: return .native
    case .nova:
      let nova = configuration.nova
      let settings = try NovaSettings.load(conf: nova.conf, instancesPath: nova.instancesPath)
      return .nova(
        settings, uid: nova.uid.map { UInt32($0) }, gid: nova.gid.map { UInt32($0) }, removesTheirs: nova.clean)
    }
  }

  /// The kernel and the ramdisk that an image names come with it where the layout keeps them: a machine of that image boots from nothing else.
  /// Throws as `fetch`, the image named.
  func bringKernels(of image: ResolvedImage, rate: RateLimit?, _ context: RequestContext) async throws {
    guard try await store(context).layout.keepsKernels else { return }
    for (word, id) in [("kernel", image.description.kernelID), ("ramdisk", image.description.ramdiskID)] {
      guard let id else { continue }
      do {
        let start = ContinuousClock.now
        // Whoever asks for trusted certificates means all that the machine boots.
        let request = ImageRequest(reference: .id(id), token: image.token, trusted: image.trusted)
        switch try await resolve(request, context) {
        case .image(let part):
          // Nova keeps it byte for byte, whatever it is.
          guard part.asNovaReadsIt.description.diskFormat == "raw" else {
            throw SlipwayError(
              .formatRefused, "image \(part.key) is \(part.description.diskFormat ?? "of no format"), and nothing boots that",
              object: part.key,
              hint: "upload it as aki, ari or raw")
          }
          _ = try await base(part, .raw, withKernels: false, rate: rate, start, context)
        case .cachedOnly(_, let error): throw error
        }
      } catch var error as SlipwayError {
        error.message = "the \(word) that image \(image.key) names: \(error.message)"
        throw error
      }
    }
  }
}

extension ResolvedImage {
  /// As Nova reads it: an ISO and the three parts of an Amazon image are raw, and the container of such a part is none. Rule: `fetch_to_raw` and
  /// `fetch_raw_image`.
  var asNovaReadsIt: ResolvedImage {
    var image = self
    guard let format = description.diskFormat, ["iso", "ami", "aki", "ari"].contains(format) else { return self }
    image.description.diskFormat = "raw"
    if description.containerFormat == format { image.description.containerFormat = "bare" }
    return image
  }
}

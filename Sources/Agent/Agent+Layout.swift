internal import Configuration
internal import ImageFormats
internal import ImageStore
internal import Model
internal import Runtime
internal import Transports

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
    let layout = try await store(context).layout
    guard layout.keepsKernels else { return }
    for (word, id) in [("kernel", image.description.kernelID), ("ramdisk", image.description.ramdiskID)] {
      guard let id else { continue }
      do {
        let start = ContinuousClock.now
        // Whoever asks for trusted certificates means all that the machine boots.
        let request = ImageRequest(reference: .id(id), token: image.token, trusted: image.trusted)
        switch try await resolve(request, context) {
        case .image(let part):
          // Nova keeps it byte for byte, whatever it is.
          guard part.asRead(in: layout).description.diskFormat == "raw" else {
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
  /// As its bytes are read: an ISO is plain sectors everywhere, and so are the three parts of an Amazon image in Nova's cache; the container of each is
  /// none. What was claimed is kept for inspection. Rule: `fetch_to_raw` and `fetch_raw_image`.
  func asRead(in layout: Layout) -> ResolvedImage {
    var image = self
    guard let format = description.diskFormat, format == "iso" || (layout.keepsKernels && ["ami", "aki", "ari"].contains(format)) else {
      return self
    }
    image.claimed = format
    image.description.diskFormat = "raw"
    if description.containerFormat == format { image.description.containerFormat = "bare" }
    return image
  }

  /// A judge for its stored bytes. Throws `format_refused` for a format that is not accepted.
  func inspection() throws(SlipwayError) -> InspectionObserver {
    var policy = InspectionPolicy()
    switch claimed {
    case "ami", "aki", "ari":
      // A kernel for x86 has the signature of a partition table, and none.
      policy.checksPartitions = false
      return InspectionObserver(claimed: .raw, object: key, policy: policy)
    default:
      policy.allowsISOAsRaw = isCopy
      let format = try DiskFormat(claimed: claimed ?? description.diskFormat, object: key)
      return InspectionObserver(claimed: format, object: key, policy: policy)
    }
  }
}

extension Configuration.Store {
  /// Whether bases get the immutable flag on this host.
  var immutability: Immutability {
    switch immutable {
    case .off: .off
    case .on: .on
    case .auto: .automatic()
    }
  }
}

internal import Configuration
internal import ImageStore
internal import Model
internal import Runtime

extension Agent {
  /// The format in which a base for a local target is kept: raw for flat disks, the configured one else.
  static func format(for target: Target, _ configuration: Configuration) -> BaseFormat {
    if target == .raw { return .raw }
    return configuration.store.baseFormat == .raw ? .raw : .qcow2
  }

  /// What makes a base this image's, nil while that is not known: a typed location without a digest needs `version`, what its probe found
  /// (inode, mtime and size; ETag; the ids of an RBD image and snapshot).
  func identity(_ image: ResolvedImage, _ format: BaseFormat, version: String?) throws -> BaseIdentity? {
    let description = image.description
    let source = description.diskFormat ?? "unknown"
    let owner = description.visibility == "public" ? nil : description.owner
    if let digest = image.expectations.first(where: { $0.digest.algorithm.isStrong })?.digest {
      return try BaseIdentity(digest: digest, sourceFormat: source, format: format, owner: owner)
    }
    if let id = description.id {
      // An image's data never changes under its id.
      let stamp = "\(description.size?.bytes ?? -1) \(description.checksum?.hex ?? "-")"
      return try BaseIdentity(url: "image:\(id)", stamp: .version(stamp), sourceFormat: source, format: format, owner: owner)
    }
    guard let version, let url = description.locations.first?.url else { return nil }
    return try BaseIdentity(url: url, stamp: .version(version), sourceFormat: source, format: format, owner: nil)
  }

  /// As above for what was just chosen; a URL without any validator gets an identity of its own at every fetch.
  func identity(_ image: ResolvedImage, _ format: BaseFormat, chosen version: String?) throws -> BaseIdentity {
    if let identity = try identity(image, format, version: version ?? "fetched \(Self.timestamp()) \(UInt64.random(in: 0...UInt64.max))") {
      return identity
    }
    throw SlipwayError(.internalError, "image \(image.key) has no identity", object: image.key)
  }

  /// The newest base that is here for an image id, in that format, to be handed out although the image service cannot be asked.
  ///
  /// Throws as `Demand.judgeWithoutSource` where its evidence does not hold what the request and today's policy demand.
  func cached(_ id: ImageID, _ format: BaseFormat, _ request: ImageRequest, _ context: RequestContext) async throws -> BaseRecord? {
    let store = try await store(context)
    // Where the layout chooses the format there is but one base of an image.
    let found = try await store.find(imageID: id).filter { store.layout.choosesFormat || $0.identity.format == format }
    guard let record = found.max(by: { $0.created < $1.created }) else { return nil }
    try demand(of: record, digest: request.digest, trusted: request.trusted, object: id.text).judgeWithoutSource(record.evidence)
    return record
  }
}

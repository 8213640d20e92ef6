public import HTTPClient
public import Model
public import Runtime

/// The image service of one cloud (Glance, Image API v2).
///
/// Who may see an image is asked with the caller's token where one is given, else with ours; where its bytes lie always with ours as well,
/// since only a service is shown that on a careful cloud. Shared errors: `image_service_unavailable`, `image_service_denied`, `timeout`,
/// `configuration`, `CancellationError`.
public final class GlanceClient: Sendable {
  let service: ServiceClient
  /// The token that the locations API refused, until when that is remembered: a refused question is not asked again for each image.
  let refusal = Locked<(token: Secret?, until: ContinuousClock.Instant)?>(nil)

  /// A client for `cloud` over `http`, which is to be made with `cloud.httpSettings()`.
  public init(cloud: CloudConfiguration, http: HTTPClient, retry: RetryPolicy = RetryPolicy()) {
    let session: KeystoneSession? =
      switch cloud.access {
      case .endpoint: nil
      case .keystone(let url, let credential):
        KeystoneSession(cloud: cloud, authURL: url, credential: credential, http: http, retry: retry)
      }
    let bare: String? = if case .endpoint(let url) = cloud.access { url } else { nil }
    service = ServiceClient(
      cloud: cloud, http: http, session: session, retry: retry, name: "image service", types: ["image", "imagev2"],
      override: cloud.imageEndpoint ?? bare)
  }

  /// Our own identity towards Keystone; nil for a service without authentication.
  public var session: KeystoneSession? { service.session }
  /// The configuration that it was made from.
  public var cloud: CloudConfiguration { service.cloud }

  /// The image with this id, as the owner of `token` sees it. Without `locations` only what the image itself tells of them is there.
  ///
  /// Throws `image_not_found` when it is not there or not visible.
  public func image(id: ImageID, token: Secret? = nil, locations: Bool = true, context: RequestContext) async throws -> ImageDescription {
    let identity = identity(token)
    let response = try await service.get("/v2/images/\(id.text)", as: identity, context)
    try judge(response.status, id, identity)
    guard let image = JSONValue(response.body).flatMap(GlanceImage.init), image.id == id else {
      throw service.nonsense("something that is not image \(id)")
    }
    return try await describe(image, identity, locations: locations, context)
  }

  /// The one image with this name, hidden and community images left out. Throws `image_not_found`, and `ambiguous_name` with the ids.
  public func image(named name: String, token: Secret? = nil, locations: Bool = true, context: RequestContext) async throws
    -> ImageDescription
  {
    let identity = identity(token)
    // A name that starts with the filter's own operator is quoted as its only member.
    let filter = name.hasPrefix("in:") ? "in:\"\(name)\"" : name
    let found = try await list("name=\(PercentEncoding.encode(filter))", atMost: 100, identity, context).filter { $0.name == name }
    guard let image = found.first else {
      throw SlipwayError(
        .imageNotFound, "no image is called '\(name)', or none that is visible", object: name,
        hint: "give its id; hidden images have no name here")
    }
    guard found.count == 1 else {
      let ids = found.prefix(10).map(\.id.text).joined(separator: ", ") + (found.count > 10 ? ", …" : "")
      throw SlipwayError(.ambiguousName, "\(found.count) images are called '\(name)'", object: name, hint: "give one of their ids: \(ids)")
    }
    return try await describe(image, identity, locations: locations, context)
  }

  // MARK: What both share

  func identity(_ token: Secret?) -> ServiceClient.Identity { token.map { .caller($0) } ?? .ours }

  /// Follows the pages of a listing until `limit` images.
  func list(_ query: String, atMost limit: Int, _ identity: ServiceClient.Identity, _ context: RequestContext) async throws -> [GlanceImage]
  {
    var images: [GlanceImage] = []
    var next: String? = "/v2/images?limit=\(min(limit, 100))&\(query)"
    while let path = next, images.count < limit {
      let response = try await service.get(path, as: identity, context)
      if response.status == 403 { throw service.refused(identity, "listing images") }
      guard response.status == 200, let json = JSONValue(response.body), let entries = json["images"]?.array else {
        throw service.nonsense("something that is no list of images (HTTP \(response.status))")
      }
      images += entries.compactMap(GlanceImage.init)
      // Only a path of the same service: an answer cannot send our token elsewhere.
      next = json["next"]?.string.flatMap { $0.hasPrefix("/v2/images?") && $0 != path ? $0 : nil }
    }
    return images
  }

  private func describe(_ image: GlanceImage, _ identity: ServiceClient.Identity, locations: Bool, _ context: RequestContext) async throws
    -> ImageDescription
  {
    var description = try image.description()
    let found = locations ? try await self.locations(of: image, description.status, identity, context) : image.ownLocations
    description.locations = found ?? []
    description.locationsShown = found != nil
    return description
  }

  func judge(_ status: Int, _ id: ImageID, _ identity: ServiceClient.Identity) throws(SlipwayError) {
    switch status {
    case 200: return
    case 404: throw GlanceClient.notFound(id)
    case 403: throw service.refused(identity, "image \(id)")
    default: throw service.nonsense("HTTP \(status) to a question about image \(id)")
    }
  }

  static func notFound(_ id: ImageID) -> SlipwayError {
    SlipwayError(
      .imageNotFound, "image \(id) is not there, or not visible", object: id.text, hint: "check the id, and who may see the image")
  }
}

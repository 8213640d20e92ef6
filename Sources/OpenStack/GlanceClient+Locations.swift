internal import HTTPClient
internal import Logging
internal import Model
internal import Runtime

extension GlanceClient {
  /// Where the bytes lie, in the service's order; nil when it shows nothing of that to us or to the caller.
  ///
  /// The locations API (2.17; role service or admin) first; where it is refused or missing, the image's own `locations` and `direct_url`.
  func locations(of image: GlanceImage, _ status: ImageStatus, _ identity: ServiceClient.Identity, _ context: RequestContext) async throws
    -> [Location]?
  {
    let own = image.ownLocations
    // Without data there are no locations to ask for.
    guard status == .active || status == .deactivated else { return own }
    do {
      if let listed = try await askLocations(image.id, identity, context) { return GlanceImage.once(listed + (own ?? [])) }
      if own == nil, !identity.isOurs { return try await ownView(image.id, context) }
    } catch let error as SlipwayError where own != nil && error.code != .timeout && error.code != .cancelled {
      context.logger.warning("locations not told, using the image's own", metadata: ["image": "\(image.id)", "reason": "\(error.message)"])
    }
    return own
  }

  /// Nil when the API is refused or missing.
  private func askLocations(_ id: ImageID, _ identity: ServiceClient.Identity, _ context: RequestContext) async throws -> [Location]? {
    let token = try await session?.token(context).secret
    if let known = refusal.with({ $0 }), known.token == token, ContinuousClock.now < known.until { return nil }
    let response = try await service.get("/v2/images/\(id.text)/locations", as: .ours, context)
    switch response.status {
    case 200:
      guard let json = JSONValue(response.body), json.array != nil else { throw service.nonsense("something that is no list of locations") }
      return GlanceImage.locations(json)
    case 404 where !identity.isOurs:
      // The caller sees the image and we may not: this says nothing of the API.
      return nil
    case 403, 404, 405, 501:
      refusal.with { $0 = (token, .now + .seconds(300)) }
      context.logger.debug("no locations API for us", metadata: ["status": "\(response.status)"])
      return nil
    default:
      throw service.nonsense("HTTP \(response.status) to a question about the locations of image \(id)")
    }
  }

  /// What the image tells us of its locations where it tells the caller nothing.
  private func ownView(_ id: ImageID, _ context: RequestContext) async throws -> [Location]? {
    guard session != nil else { return nil }
    let response = try await service.get("/v2/images/\(id.text)", as: .ours, context)
    guard response.status == 200, let image = JSONValue(response.body).flatMap(GlanceImage.init), image.id == id else { return nil }
    return image.ownLocations
  }
}

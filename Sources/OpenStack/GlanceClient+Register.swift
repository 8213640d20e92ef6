internal import HTTPClient
public import Model
public import Runtime

/// What became of a location that was given to an image.
public enum LocationAnswer: Sendable, Hashable {
  /// The image has it, or will have it once the service has looked at it: `registration` tells.
  case taken
  /// Neither API takes it, for the reason told.
  case refused(String)
}

/// How far the service is with a location.
public enum RegistrationState: Sendable, Hashable {
  /// The image can be used.
  case active
  /// It is looked at, or its bytes are hashed.
  case underWay
  /// The image has no data, and nothing is on its way.
  case idle
}

extension GlanceClient {
  /// Gives an image without data the location of its bytes: by the locations API (2.17), which only a service may use; where that is missing or refuses,
  /// by a change of the image (`show_multiple_locations`). With `digest` the service is told what the bytes are, and compares.
  public func register(
    _ url: String, digest: Digest?, for id: ImageID, token: Secret? = nil, context: RequestContext
  ) async throws -> LocationAnswer {
    // In lower case: Glance compares texts. Nothing but the digest: an unknown member is refused.
    let validation: JSONValue? = digest.map { ["os_hash_algo": .string($0.algorithm.rawValue), "os_hash_value": .string($0.hex)] }
    var wish: [String: JSONValue] = ["url": .string(url)]
    if let validation { wish["validation_data"] = validation }
    let (status, words) = try await tried {
      try await service.change(.post, "/v2/images/\(id.text)/locations", .object(wish), as: .ours, context)
    }
    if (200...204).contains(status) { return .taken }
    // It has a location by now: the same request was sent before, and its answer lost.
    if status == 409 || status == 500, try await registration(of: id, token: token, context: context) != .idle { return .taken }
    let why = "HTTP \(status) from the locations API (\(words))"
    var value: [String: JSONValue] = ["url": .string(url), "metadata": [:]]
    if let validation { value["validation_data"] = validation }
    let change: JSONValue = [["op": "add", "path": "/locations/-", "value": .object(value)]]
    let (changed, said) = try await tried {
      try await service.change(
        .patch, "/v2/images/\(id.text)", change, type: "application/openstack-images-v2.1-json-patch", as: identity(token), context)
    }
    if changed == 200 { return .taken }
    if try await registration(of: id, token: token, context: context) != .idle { return .taken }
    return .refused("\(why), HTTP \(changed) to a change of the image (\(said))")
  }

  /// The status of an answer, with its words where it is a refusal. A server error is one, too: Glance fails so on a location that it cannot read.
  private func tried(_ body: () async throws -> HTTPResponse) async throws -> (Int, String) {
    do {
      let response = try await body()
      return (response.status, response.status < 300 ? "" : Self.words(of: response))
    } catch let error as SlipwayError where error.code == .imageServiceUnavailable && error.cause == nil {
      return (500, error.message)
    }
  }

  /// How far the service is with an image's location. Throws `image_not_found`.
  public func registration(of id: ImageID, token: Secret? = nil, context: RequestContext) async throws -> RegistrationState {
    guard let properties = try await properties(of: id, token: token, context: context) else { throw Self.notFound(id) }
    switch properties["status"] {
    case "active": return .active
    case "importing", "saving", "uploading": return .underWay
    // Its task holds the image until it has ended, well or not.
    case "queued" where properties["os_glance_import_task"]?.isEmpty == false: return .underWay
    default: return .idle
    }
  }
}

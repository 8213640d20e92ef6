public import HTTPClient
public import Model
public import Runtime

/// An image that is to be made.
public struct NewImage: Sendable, Hashable {
  /// Its id, chosen by whoever makes it: asked again, the same image is meant.
  public var id: ImageID
  /// Its name.
  public var name: String
  /// Glance's word for the format of its bytes.
  public var diskFormat: String
  /// `private`, `shared`, `community` or `public`; nil leaves it to the service.
  public var visibility: String?
  /// The least that a disk must have, in GiB.
  public var minDiskGiB: Int64
  /// Custom properties.
  public var properties: [String: String]

  /// An image of container format `bare`.
  public init(
    id: ImageID, name: String, diskFormat: String, visibility: String? = nil, minDiskGiB: Int64 = 0, properties: [String: String] = [:]
  ) {
    self.id = id
    self.name = name
    self.diskFormat = diskFormat
    self.visibility = visibility
    self.minDiskGiB = minDiskGiB
    self.properties = properties
  }
}

extension GlanceClient {
  /// Makes an image without data (`POST /v2/images`); false when there is one with that id, of whomever.
  ///
  /// Throws `image_service_denied` when these credentials may not, or a quota is used up; `usage` for what the service does not take.
  public func create(_ image: NewImage, token: Secret? = nil, context: RequestContext) async throws -> Bool {
    var wish: [String: JSONValue] = image.properties.mapValues { .string($0) }
    wish["id"] = .string(image.id.text)
    wish["name"] = .string(image.name)
    wish["disk_format"] = .string(image.diskFormat)
    wish["container_format"] = "bare"
    if let visibility = image.visibility { wish["visibility"] = .string(visibility) }
    if image.minDiskGiB > 0 { wish["min_disk"] = .integer(image.minDiskGiB) }
    let identity = identity(token)
    let response = try await service.change(.post, "/v2/images", .object(wish), as: identity, context)
    switch response.status {
    case 200, 201: return true
    case 409: return false
    case 403, 413: throw service.refused(identity, "making image '\(image.name)' (\(Self.words(of: response)))")
    case 400:
      throw SlipwayError(.usage, "the image service does not take image '\(image.name)': \(Self.words(of: response))", object: image.name)
    default: throw service.nonsense("HTTP \(response.status) to the wish to make an image")
    }
  }

  /// Removes an image with its data (`DELETE /v2/images/{id}`); false when it is gone, or not visible to these credentials.
  ///
  /// Throws `in_use` while its store or its protection keeps it, `image_service_denied`.
  public func delete(_ id: ImageID, token: Secret? = nil, context: RequestContext) async throws -> Bool {
    let identity = identity(token)
    let response = try await service.change(.delete, "/v2/images/\(id.text)", nil, as: identity, context)
    switch response.status {
    case 200, 204: return true
    case 404, 410: return false
    case 403: throw service.refused(identity, "removing image \(id)")
    case 409: throw SlipwayError(.inUse, "image \(id) cannot be removed now: \(Self.words(of: response))", object: id.text)
    default: throw service.nonsense("HTTP \(response.status) to the wish to remove image \(id)")
    }
  }

  /// Custom properties of an image, and Glance's own members that are texts; nil when it is not there or not visible.
  public func properties(of id: ImageID, token: Secret? = nil, context: RequestContext) async throws -> [String: String]? {
    let identity = identity(token)
    let response = try await service.get("/v2/images/\(id.text)", as: identity, context)
    if response.status == 404 { return nil }
    try judge(response.status, id, identity)
    guard let image = JSONValue(response.body).flatMap(GlanceImage.init), image.id == id else {
      throw service.nonsense("something that is not image \(id)")
    }
    return (image.json.object ?? [:]).compactMapValues(\.string)
  }

  /// Sends an image's data (`PUT /v2/images/{id}/file`), to `store` where one is named; once, since the body cannot be sent again.
  ///
  /// `size` is told beforehand, so that a store need not grow as it writes. Throws `image_service_denied`, `no_space` beyond a quota, `source_failed`
  /// when the service gives up, `image_not_found`.
  public func upload(
    _ body: UploadBody, to id: ImageID, store: String?, token: Secret? = nil, context: RequestContext
  ) async throws {
    let identity = identity(token)
    var headers: [(String, String)] = []
    if let store { headers.append(("X-Image-Meta-Store", store)) }
    if let size = body.length { headers.append(("X-OpenStack-Image-Size", String(size))) }
    let response = try await service.put("/v2/images/\(id.text)/file", body, headers: headers, as: identity, context)
    let words = Self.words(of: response)
    switch response.status {
    case 200, 204: return
    case 404: throw GlanceClient.notFound(id)
    case 403: throw service.refused(identity, "the data of image \(id) (\(words))")
    case 413: throw SlipwayError(.noSpace, "the image service has no room for image \(id): \(words)", object: id.text)
    default:
      throw SlipwayError(
        .sourceFailed, "the image service did not take the data of image \(id) (HTTP \(response.status)): \(words)", object: id.text)
    }
  }

  /// What a refusal says, in one line: Glance answers with a page of HTML, or with text.
  static func words(of response: HTTPResponse) -> String {
    let text = String(decoding: response.body.prefix(4096), as: UTF8.self)
    var words = ""
    var isTag = false
    for character in text {
      if character == "<" { isTag = true }
      if !isTag { words.append(character) }
      if character == ">" {
        isTag = false
        words.append(" ")
      }
    }
    let line = words.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.isEmpty ? "it does not say why" : String(line.prefix(200))
  }
}

public import HTTPClient
public import Model
public import Runtime

/// The bytes of an image on their way.
public struct ImageData: Sendable {
  /// The bytes, from `offset` on. Its errors are `HTTPError`.
  public let body: BodyStream
  /// The first byte's place in the image: what was asked for, or 0 where the service gives no ranges.
  public let offset: Int64
  /// How many bytes come, where the service says.
  public let length: Int64?
}

extension GlanceClient {
  /// Opens the image's data (`GET /v2/images/{id}/file`), from `offset` where the store behind it can (RBD and HTTP stores cannot).
  ///
  /// `preferring` names stores from which the service is asked to read first (`prefer`, API 2.17; older ones do not look at it). Throws
  /// `source_failed` when there is none, `image_deactivated`, `image_not_found`, and the shared errors.
  public func openData(
    id: ImageID, token: Secret? = nil, from offset: Int64 = 0, preferring stores: [String] = [], context: RequestContext
  ) async throws -> ImageData {
    let identity = identity(token)
    let wish = stores.isEmpty ? "" : "?prefer=" + stores.map { PercentEncoding.encode($0) }.joined(separator: ",")
    let path = "/v2/images/\(id.text)/file" + wish
    if offset > 0 {
      let body = try await service.open(path, as: identity, range: HTTPRange(first: offset), context)
      switch body.head.status {
      case 206 where body.head.rangeStart == offset: return ImageData(body: body, offset: offset, length: body.head.contentLength)
      case 200: return ImageData(body: body, offset: 0, length: body.head.contentLength)
      case 206, 400, 416, 500: body.close()
      default: try await judgeData(body, id, identity)
      }
    }
    let body = try await service.open(path, as: identity, range: nil, context)
    if body.head.status != 200 { try await judgeData(body, id, identity) }
    return ImageData(body: body, offset: 0, length: body.head.contentLength)
  }

  private func judgeData(_ body: BodyStream, _ id: ImageID, _ identity: ServiceClient.Identity) async throws {
    let status = body.head.status
    defer { body.close() }
    switch status {
    case 204:
      throw SlipwayError(.sourceFailed, "image \(id) has no data", object: id.text, hint: "upload its data, or wait until it is active")
    case 404: throw GlanceClient.notFound(id)
    case 403:
      // One status for two reasons; Glance's words are what tells them apart.
      let words = (try? await body.collect(upTo: 64 << 10)) ?? []
      guard String(decoding: words, as: UTF8.self).contains("deactivated") else {
        throw service.refused(identity, "the data of image \(id)")
      }
      throw SlipwayError(.imageDeactivated, "image \(id) is deactivated", object: id.text, hint: "an administrator may reactivate it")
    default:
      throw SlipwayError(.sourceFailed, "the image service gives no data of image \(id) (HTTP \(status))", object: id.text)
    }
  }
}

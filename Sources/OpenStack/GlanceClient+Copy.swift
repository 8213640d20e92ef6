internal import HTTPClient
public import Model
public import Runtime

/// How far the image service's copy of an image to one of its stores is.
public enum StoreCopy: Sendable, Hashable {
  /// The image lies there.
  case present
  /// It is on its way, or another task of the image's is.
  case running
  /// The last attempt failed.
  case failed
  /// It does not lie there, and nothing is on its way.
  case absent
}

extension GlanceClient {
  /// How far a copy is: stores are compared whole (`ceph` is not `ceph2`). Rule: what Glance itself writes, `stores`,
  /// `os_glance_importing_to_stores`, `os_glance_failed_import` and `os_glance_import_task`. Throws `image_not_found`.
  public func copy(of id: ImageID, to store: String, context: RequestContext) async throws -> StoreCopy {
    let response = try await service.get("/v2/images/\(id.text)", as: .ours, context)
    try judge(response.status, id, .ours)
    guard let image = JSONValue(response.body).flatMap(GlanceImage.init), image.id == id else {
      throw service.nonsense("something that is not image \(id)")
    }
    func holds(_ key: String) -> Bool {
      (image.json[key]?.string ?? "").split(separator: ",").contains { $0.drop { $0 == " " } == store }
    }
    // Glance lists a store as soon as its location is there, which is before the import is through.
    if holds("os_glance_importing_to_stores") { return .running }
    if holds("stores") { return .present }
    if holds("os_glance_failed_import") { return .failed }
    return image.json["os_glance_import_task"]?.string?.isEmpty == false ? .running : .absent
  }

  /// Asks the image service to copy an active image to one more of its stores (`copy-image`, an administrator's call).
  ///
  /// False when it cannot be begun now, since another task holds the image. Throws `configuration` for a store that there is not,
  /// `image_service_denied`, `image_not_found`.
  public func requestCopy(of id: ImageID, to store: String, context: RequestContext) async throws -> Bool {
    let wish: JSONValue = ["method": ["name": "copy-image"], "stores": [.string(store)], "all_stores_must_succeed": true]
    let response = try await service.post("/v2/images/\(id.text)/import", wish, as: .ours, context)
    switch response.status {
    case 200, 202: return true
    // It lies there already.
    case 400: return false
    case 403: throw service.refused(.ours, "copying image \(id) to store '\(store)'")
    case 404: throw GlanceClient.notFound(id)
    case 409:
      guard try await isStore(store, context) else {
        throw SlipwayError(
          .configuration, "the image service has no store '\(store)'", object: store,
          hint: "set images.copy_store to the id of one of its stores")
      }
      return false
    default: throw service.nonsense("HTTP \(response.status) to the wish to copy image \(id)")
    }
  }

  private func isStore(_ store: String, _ context: RequestContext) async throws -> Bool {
    let response = try await service.get("/v2/info/stores", as: .ours, context)
    guard response.status == 200, let stores = JSONValue(response.body)?["stores"]?.array else { return true }
    return stores.contains { $0["id"]?.string == store }
  }
}

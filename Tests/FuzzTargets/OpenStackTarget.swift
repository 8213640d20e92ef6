import Model
@testable import OpenStack

/// What the image service and Keystone answer. The bytes are a JSON document.
enum OpenStackTarget {
  static func check(_ bytes: [UInt8]) -> String? {
    guard let json = JSONValue(bytes) else { return nil }
    if let again = try? json.encoded(), JSONValue(again) != json { return "JSON that does not survive writing" }
    if let token = KeystoneToken("secret", json, now: .now) { _ = token.catalog.endpoints.count }
    for image in [json] + (json["images"]?.array ?? []) {
      guard let found = GlanceImage(image) else { continue }
      if let locations = found.ownLocations, Set(locations.map(\.url)).count != locations.count { return "a location twice" }
      do throws(SlipwayError) {
        let description = try found.description()
        if let size = description.size, size.bytes < 0 { return "a size of \(size)" }
        if description.minDiskGiB < 0 { return "a minimum of \(description.minDiskGiB) GiB" }
        let members = image.object ?? [:]
        if members.keys.contains(where: { $0.hasPrefix("img_signature") }), description.signature.isEmpty {
          return "a signature that is not told"
        }
      } catch {
        if error.code != .imageServiceUnavailable { return "\(error)" }
      }
    }
    return nil
  }
}

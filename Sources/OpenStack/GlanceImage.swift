internal import Model

/// An image as Glance's API v2 writes it: known fields and, beside them, custom properties as strings.
struct GlanceImage {
  let json: JSONValue
  let id: ImageID

  /// Nil when `json` is no image.
  init?(_ json: JSONValue) {
    guard let id = json["id"]?.string.flatMap(ImageID.init), json["status"]?.string != nil else { return nil }
    self.json = json
    self.id = id
  }

  var name: String? { json["name"]?.string }

  /// The locations that the image itself tells (`locations` where the service shows them, and `direct_url`), duplicates once; nil when it tells none.
  var ownLocations: [Location]? {
    let listed = json["locations"].map(GlanceImage.locations)
    let direct = json["direct_url"]?.string.map { Location(url: $0) }
    // An empty list on an image with data is what a policy leaves of a list that is not shown.
    guard direct != nil || listed.map({ !$0.isEmpty }) ?? false else { return nil }
    return GlanceImage.once((listed ?? []) + [direct].compactMap { $0 })
  }

  /// `[{"url": …, "metadata": {"store": …}}]`; entries without a URL are left out.
  static func locations(_ json: JSONValue) -> [Location] {
    once(
      (json.array ?? []).compactMap { entry in entry["url"]?.string.map { Location(url: $0, store: entry["metadata"]?["store"]?.string) } })
  }

  /// Each URL once, in the order of first mention.
  static func once(_ locations: [Location]) -> [Location] {
    var seen: Set<String> = []
    return locations.filter { seen.insert($0.url).inserted }
  }

  /// The description, without locations. Throws `image_service_unavailable` for a digest that cannot be one: it must not pass as absent.
  func description() throws(SlipwayError) -> ImageDescription {
    let members = json.object ?? [:]
    let algorithm = members["os_hash_algo"]?.string
    let value = members["os_hash_value"]?.string
    let known = algorithm.flatMap { DigestAlgorithm(rawValue: $0.lowercased()) }
    let checksum = members["checksum"]?.string
    var description = ImageDescription(
      id: id, name: name, status: ImageStatus(rawValue: members["status"]?.string ?? "") ?? .unknown,
      diskFormat: members["disk_format"]?.string, containerFormat: members["container_format"]?.string, size: count("size"),
      virtualSize: count("virtual_size"), minDiskGiB: max(0, members["min_disk"]?.integer ?? 0),
      digest: try digest(known, value, "os_hash_value"), digestPending: algorithm != nil && value == nil,
      checksum: try digest(.md5, checksum, "checksum"), owner: members["owner"]?.string, visibility: members["visibility"]?.string,
      hidden: members["os_hidden"]?.bool ?? false, kernelID: part("kernel_id"), ramdiskID: part("ramdisk_id"),
      signature: signature(members), stores: stores, encrypted: isEncrypted(members), locations: [],
      locationsShown: false)
    description.tags = (members["tags"]?.array ?? []).compactMap(\.string)
    return description
  }

  /// Every store that holds it: Glance tells them as one text, separated by commas, and with each location that it shows.
  private var stores: [String] {
    let told = (json["stores"]?.string ?? "").split(separator: ",").map(String.init)
    let located = (json["locations"].map(GlanceImage.locations) ?? []).compactMap(\.store)
    var seen: Set<String> = []
    return (told + located).filter { !$0.isEmpty && seen.insert($0).inserted }
  }

  /// An image that this one names; a value that is no id (clients write "None" for none) names nothing.
  private func part(_ key: String) -> ImageID? { json[key]?.string.flatMap { ImageID($0) } }

  private func count(_ key: String) -> ByteCount? { json[key]?.integer.flatMap { $0 < 0 ? nil : ByteCount($0) } }

  private func digest(_ algorithm: DigestAlgorithm?, _ hex: String?, _ key: String) throws(SlipwayError) -> Digest? {
    guard let algorithm, let hex else { return nil }
    guard let digest = Digest(algorithm, hex: hex) else {
      throw SlipwayError(
        .imageServiceUnavailable, "image \(id): the image service tells a \(key) that is no \(algorithm.rawValue) digest", object: id.text)
    }
    return digest
  }

  private func signature(_ members: [String: JSONValue]) -> [String: String] {
    var found: [String: String] = [:]
    // A property that is there but is no text still says that a signature was meant.
    for (key, value) in members where key.hasPrefix("img_signature") { found[key] = value.string ?? "" }
    return found
  }

  private func isEncrypted(_ members: [String: JSONValue]) -> Bool {
    members.contains { key, value in
      (key.hasPrefix("os_encrypt_") || key == "cinder_encryption_key_id") && value != .null && value != .string("")
    }
  }
}

internal import Model

/// What a token's catalog says of where services lie.
struct Catalog: Sendable {
  struct Endpoint: Sendable {
    let type: String
    let interface: String
    let region: String
    let url: String
  }
  let endpoints: [Endpoint]

  init(_ json: JSONValue?) {
    endpoints = (json?.array ?? []).flatMap { service in
      (service["endpoints"]?.array ?? []).compactMap { entry in
        guard let type = service["type"]?.string, let interface = entry["interface"]?.string, let url = entry["url"]?.string else {
          return nil
        }
        return Endpoint(type: type, interface: interface, region: (entry["region_id"] ?? entry["region"])?.string ?? "", url: url)
      }
    }
  }

  /// The endpoint of the first of `types` (a service and its aliases). Throws `configuration`, naming the regions and interfaces there are.
  func endpoint(_ types: [String], for cloud: CloudConfiguration) throws(SlipwayError) -> String {
    let offered = endpoints.filter { types.contains($0.type) }
    let fits = offered.filter { $0.interface == cloud.interface.rawValue && (cloud.region == nil || $0.region == cloud.region) }
    let ordered = types.lazy.compactMap { type in fits.first { $0.type == type } }
    if let found = ordered.first { return found.url }
    let place = cloud.region.map { " in region '\($0)'" } ?? ""
    let known = Set(offered.map { "\($0.region)/\($0.interface)" }).sorted().joined(separator: ", ")
    throw SlipwayError(
      .configuration,
      "cloud '\(cloud.name)': its catalog has no \(cloud.interface.rawValue) endpoint of type '\(types.first ?? "")'\(place)",
      object: cloud.name, hint: known.isEmpty ? "check the project's scope" : "offered: \(known) (region_name, interface)")
  }
}

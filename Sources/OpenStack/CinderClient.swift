internal import HTTPClient
internal import Model
public import Runtime

/// The volume service of a cloud (Cinder, Block Storage API v3), as far as images need it.
///
/// It is asked with our own identity, which must be an administrator's: nobody else is told on which host a volume lies. Shared errors:
/// `source_failed` where it does not answer, `permission_denied`, `configuration` where the cloud has none, `timeout`, `CancellationError`.
public final class CinderClient: Sendable {
  /// The newest microversion of which something is used: 3.61 tells an administrator a volume's cluster.
  static let wanted = "3.61"

  private let service: ServiceClient
  /// Whether the service knows `wanted`; where it does not, it is spoken to as 3.0, whose volumes tell all else.
  private let knowsWanted = Locked(true)

  /// A client for the cloud of `glance`, with its session.
  public init(beside glance: GlanceClient) {
    let image = glance.service
    service = ServiceClient(
      cloud: image.cloud, http: image.http, session: image.session, retry: image.retry, name: "volume service",
      types: ["block-storage", "volumev3", "block-store"], override: image.cloud.volumeEndpoint)
  }

  /// What to call the service in a sentence.
  public var place: String { "the volume service of cloud '\(service.cloud.name)'" }

  /// The volume with this id. Throws `source_not_found` when it is not there or not visible.
  public func volume(_ id: String, context: RequestContext) async throws -> Volume {
    let response = try await get("/volumes/\(PercentEncoding.encode(id))", context)
    switch response.status {
    case 200:
      guard let volume = Volume(JSONValue(response.body)?["volume"]), volume.id == id.lowercased() else {
        throw SlipwayError(.sourceFailed, "\(place) answered with something that is not volume \(id)", object: id)
      }
      return volume
    case 404:
      throw SlipwayError(.sourceNotFound, "volume \(id) is not there, or not visible", object: id, hint: "see: openstack volume show \(id)")
    case 403: throw denied("volume \(id)")
    default:
      throw SlipwayError(.sourceFailed, "\(place) answered HTTP \(response.status) to a question about volume \(id)", object: id)
    }
  }

  /// Where the service lies, its newest microversion, and whether it tells these credentials on which host a volume lies; nil where there is no
  /// volume to see it by.
  public func probe(context: RequestContext) async throws -> (endpoint: String, version: String?, showsHosts: Bool?) {
    let endpoint = try await root(context)
    let versions = try await get("/", context)
    let newest = JSONValue(versions.body)?["versions"]?.array?.compactMap { $0["version"]?.string }.last { $0.hasPrefix("3.") }
    let listed = try await get("/volumes/detail?all_tenants=1&limit=1", context)
    switch listed.status {
    case 200: break
    case 403: throw denied("the volumes of all projects")
    default:
      throw SlipwayError(
        .sourceFailed, "\(place) at \(Location.redacted(endpoint)) answers HTTP \(listed.status) to a list of volumes",
        object: service.cloud.name, hint: "see whether it is Cinder: openstack endpoint list --service block-storage")
    }
    let first = (JSONValue(listed.body)?["volumes"]?.array ?? []).first
    return (Location.redacted(endpoint), newest, first.map { Volume($0)?.host != nil })
  }

  /// The service's root with its version, and its project where the catalog has that in it.
  private func root(_ context: RequestContext) async throws -> String {
    do {
      let endpoint = try await service.endpoint(context)
      return endpoint.split(separator: "/").contains("v3") ? endpoint : endpoint + "/v3"
    } catch {
      throw Self.explained(error)
    }
  }

  private func get(_ path: String, _ context: RequestContext) async throws -> HTTPResponse {
    do {
      let endpoint = try await service.endpoint(context)
      let full = endpoint.split(separator: "/").contains("v3") ? path : "/v3" + path
      if knowsWanted.with({ $0 }) {
        let headers: HTTPHeaders = ["OpenStack-API-Version": "volume \(Self.wanted)"]
        let response = try await service.get(full, as: .ours, headers: headers, context)
        guard response.status == 406 else { return response }
        knowsWanted.with { $0 = false }
      }
      return try await service.get(full, as: .ours, context)
    } catch {
      throw Self.explained(error)
    }
  }

  private func denied(_ what: String) -> SlipwayError {
    SlipwayError(
      .permissionDenied, "\(place) does not show \(what) to \(service.session?.identity ?? "a request without a token")",
      object: service.cloud.name, hint: "give it the role 'admin'")
  }

  /// An outage of this service is not one of the image service.
  private static func explained(_ error: any Error) -> any Error {
    guard var known = error as? SlipwayError else { return error }
    if known.code == .imageServiceUnavailable { known.code = .sourceFailed }
    if known.code == .imageServiceDenied { known.code = .permissionDenied }
    return known
  }
}

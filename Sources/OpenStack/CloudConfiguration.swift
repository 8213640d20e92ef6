public import HTTPClient
internal import Model

/// How to reach one cloud: an entry of clouds.yaml, the `OS_*` variables, or an image service without authentication.
public struct CloudConfiguration: Sendable {
  /// The catalog's three interfaces.
  public enum Interface: String, Sendable, Hashable {
    case `public`, `internal`, admin
  }
  /// How requests are authenticated.
  public enum Access: Sendable {
    /// Not at all: the image service lies at this URL.
    case endpoint(String)
    /// By Keystone at `authURL`, whose catalog tells where services lie.
    case keystone(authURL: String, Credential)
  }

  /// What to call the cloud in a sentence: its name, `environment`, or the endpoint.
  public var name: String
  /// How requests are authenticated.
  public var access: Access
  /// The region; nil takes the catalog's first.
  public var region: String?
  /// Which of a service's endpoints is used.
  public var interface: Interface
  /// A file of PEM certificates to trust, an absolute path; nil: the system's.
  public var caFile: String?
  /// Whether certificates are checked.
  public var verifiesPeer: Bool
  /// Where the image service lies, whatever the catalog says (`image_endpoint_override`).
  public var imageEndpoint: String?
  /// Where the certificate service lies, whatever the catalog says (`key_manager_endpoint_override`).
  public var keyManagerEndpoint: String?
  /// Where the volume service lies, whatever the catalog says (`block_storage_endpoint_override`, `volume_endpoint_override`).
  public var volumeEndpoint: String?

  /// An image service at `endpoint` that asks for no authentication.
  public init(endpoint: String) {
    name = Location.redacted(endpoint)
    access = .endpoint(endpoint)
    region = nil
    interface = .public
    caFile = nil
    verifiesPeer = true
    imageEndpoint = endpoint
  }

  init(name: String, access: Access, settings: CloudSettings, interface: Interface, caFile: String?, verifiesPeer: Bool) {
    self.name = name
    self.access = access
    region = settings["region_name"]
    self.interface = interface
    self.caFile = caFile
    self.verifiesPeer = verifiesPeer
    imageEndpoint = settings["image_endpoint_override"]
    keyManagerEndpoint = settings["key_manager_endpoint_override"]
    volumeEndpoint = settings["block_storage_endpoint_override", "volumev3_endpoint_override", "volume_endpoint_override"]
  }

  /// `base` with this cloud's certificates and verification: what its HTTP client is to be made with.
  public func httpSettings(_ base: HTTPClient.Settings = HTTPClient.Settings()) -> HTTPClient.Settings {
    var settings = base
    settings.caFile = caFile ?? base.caFile
    settings.verifiesPeer = verifiesPeer
    return settings
  }
}

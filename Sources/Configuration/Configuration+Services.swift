public import Model

extension Configuration {
  /// The image service: an entry of clouds.yaml, a bare endpoint, or neither (then what the environment names).
  public struct Images: Sendable, Hashable {
    /// What a request gets while the service is down.
    public enum OnServiceDown: String, Sendable, Hashable {
      case refuse
      case serveCached = "serve-cached"
    }

    /// The entry of clouds.yaml; nil when an endpoint is given, or when the environment decides.
    public var cloud: String?
    /// The URL of a service that asks for no authentication.
    public var endpoint: String?
    /// What a request gets while the service is down.
    public var onServiceDown: OnServiceDown
    /// The stores from which it is asked to read first.
    public var preferStores: [String]
    /// The store to which the image service is asked to copy images, nil for none.
    public var copyStore: String?

    init(_ reader: Reader) throws(SlipwayError) {
      let endpoint = try reader.optionalString("images.endpoint")
      self.endpoint = endpoint
      cloud = endpoint == nil ? try reader.optionalString("images.cloud") : nil
      onServiceDown = try reader.word("images.on_service_down")
      preferStores = try reader.strings("images.prefer_stores")
      copyStore = try reader.optionalString("images.copy_store")
    }
  }

  /// Images that are made of disks.
  public struct Upload: Sendable, Hashable {
    /// When an image that was uploaded by clone is freed from its disk.
    public enum Flatten: String, Sendable, Hashable { case background, before, never }

    /// The store, nil for the service's default.
    public var store: String?
    /// When it is freed.
    public var flatten: Flatten
    /// Bytes of data a second, nil for no limit.
    public var rate: ByteCount?

    init(_ reader: Reader) throws(SlipwayError) {
      store = try reader.optionalString("upload.store")
      flatten = try reader.word("upload.flatten")
      rate = try reader.limit("upload.rate")
    }
  }

  /// What lies behind a backend of Cinder.
  public struct CinderBackend: Sendable, Hashable {
    /// The cluster's name.
    public var cluster: String
    /// The pool.
    public var pool: String

    static func all(_ reader: Reader) throws(SlipwayError) -> [String: CinderBackend] {
      guard case .mapping(let pairs) = reader.value("cinder.backends") else { throw reader.mismatch("cinder.backends") }
      var backends: [String: CinderBackend] = [:]
      for pair in pairs {
        let inner = Reader(pair.value)
        backends[pair.key] = CinderBackend(cluster: try inner.string("cluster"), pool: try inner.string("pool"))
      }
      return backends
    }
  }

  /// What libvirt is asked and told.
  public struct Libvirt: Sendable, Hashable {
    /// Whom to ask and tell.
    public var uri: String
    /// Whether somebody wrote that down: then a libvirt that is not there is an outage.
    public var isURISet: Bool
    /// The directory pool over the store.
    public var pool: String
    /// The RBD pool as a view, nil for none.
    public var rbdPool: String?
    /// The usage name of the cephx secret.
    public var secret: String
    /// Whether the secret is defined when it is missing.
    public var createSecret: Bool

    init(_ reader: Reader, isURISet: Bool) throws(SlipwayError) {
      uri = try reader.string("libvirt.uri")
      self.isURISet = isURISet
      pool = try reader.string("libvirt.pool")
      rbdPool = try reader.optionalString("libvirt.rbd_pool")
      secret = try reader.string("libvirt.secret")
      createSecret = try reader.bool("libvirt.create_secret")
    }
  }

  /// The daemon's doors.
  public struct API: Sendable, Hashable {
    /// The Unix socket, absolute.
    public var socket: String
    /// The group that may use it.
    public var group: String
    /// Its mode, octal.
    public var mode: String
    /// A socket through which nothing can be changed, nil for none.
    public var readSocket: String?
    /// The group that may use that.
    public var readGroup: String
    /// `host:port` to listen on as well, nil for none.
    public var tcp: String?
    /// `host:port` for metrics, nil for none.
    public var metrics: String?
    /// Whether callers may name locations.
    public var allowLocations: Bool

    init(_ reader: Reader) throws(SlipwayError) {
      socket = try reader.string("api.socket")
      group = try reader.string("api.group")
      mode = try reader.string("api.mode")
      readSocket = try reader.optionalString("api.read_socket")
      readGroup = try reader.string("api.read_group")
      tcp = try reader.optionalString("api.tcp")
      metrics = try reader.optionalString("api.metrics")
      allowLocations = try reader.bool("api.allow_locations")
    }
  }
}

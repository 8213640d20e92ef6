internal import HTTPClient
public import Model
public import Runtime

/// A store of the image service.
public struct GlanceStore: Sendable, Hashable {
  /// Its id.
  public var id: String
  /// `rbd`, `file`, `cinder`, …; nil where the service does not tell.
  public var type: String?
  /// Whether images go there when nobody names a store.
  public var isDefault: Bool
  /// Whether nothing can be written to it.
  public var isReadOnly: Bool
  /// The pool behind an RBD store; nil where the service does not tell.
  public var pool: String?
  /// The cluster behind an RBD store; nil where the service does not tell (older releases).
  public var fsid: FSID?

  /// A store.
  public init(id: String, type: String?, isDefault: Bool, isReadOnly: Bool = false, pool: String?, fsid: FSID?) {
    self.id = id
    self.type = type
    self.isDefault = isDefault
    self.isReadOnly = isReadOnly
    self.pool = pool
    self.fsid = fsid
  }

  /// Nil for what is no store. Rule: Glance `GET /v2/info/stores/detail`, whose truths are booleans in one release and texts in another.
  init?(_ json: JSONValue) {
    guard let id = json["id"]?.string else { return nil }
    func truth(_ key: String) -> Bool { json[key]?.bool ?? (json[key]?.string?.lowercased() == "true") }
    self.id = id
    type = json["type"]?.string
    isDefault = truth("default")
    isReadOnly = truth("read-only")
    let properties = json["properties"]
    pool = properties?["pool"]?.string
    // Quoted as a part of a URL.
    fsid = properties?["fsid"]?.string.flatMap { PercentEncoding.decode(Substring($0)) }.flatMap { FSID($0) }
  }
}

extension GlanceClient {
  /// The stores with what lies behind them (`GET /v2/info/stores/detail`); nil where the service does not tell us: an older one, one with a single
  /// store, or one that keeps it from these credentials. Throws the shared errors.
  public func stores(context: RequestContext) async throws -> [GlanceStore]? {
    let response = try await service.get("/v2/info/stores/detail", as: .ours, context)
    guard response.status == 200 else { return nil }
    guard let stores = JSONValue(response.body)?["stores"]?.array else { throw service.nonsense("something that is no list of stores") }
    return stores.compactMap(GlanceStore.init)
  }
}

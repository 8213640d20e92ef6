internal import Model

/// A volume as Cinder's API v3 describes it to an administrator.
public struct Volume: Sendable, Hashable {
  /// Its id.
  public let id: String
  /// The id that its backend's object is named by; another one than its own after a migration (`os-vol-mig-status-attr:name_id`).
  public let nameID: String
  /// `available`, `in-use`, `error`, …
  public let status: String
  /// Whether its bytes are encrypted.
  public let encrypted: Bool
  /// `host@backend#pool`; nil where the service does not show it to these credentials.
  public let host: String?
  /// `cluster@backend#pool` of an active-active service, from microversion 3.61.
  public let cluster: String?
  /// The project that it belongs to; nil where that is not shown.
  public let project: String?
  /// `image_owner` of its metadata: whose image its bytes are. (Rule: glance_store's Cinder driver and Cinder's upload set it.)
  public let imageOwner: String?

  /// Nil when `json` is no volume.
  init?(_ json: JSONValue?) {
    // An id of ours is in a URL; one of theirs names an image of a pool.
    guard let json, let id = json["id"]?.string.flatMap({ ImageID($0)?.text }), let status = json["status"]?.string else { return nil }
    func text(_ key: String) -> String? { json[key]?.string.flatMap { $0.isEmpty ? nil : $0 } }
    self.id = id
    self.status = status
    nameID = text("os-vol-mig-status-attr:name_id").flatMap { ImageID($0)?.text } ?? id
    encrypted = json["encrypted"]?.bool ?? false
    host = text("os-vol-host-attr:host")
    cluster = text("cluster_name")
    project = text("os-vol-tenant-attr:tenant_id")
    imageOwner = json["metadata"]?["image_owner"]?.string
  }

  /// What Cinder's RBD driver calls its image (`volume_name_template`, as it comes).
  public var imageName: String { "volume-\(nameID)" }
  /// Where it lies, for the backends of a configuration.
  public var hosts: [String] { [host, cluster].compactMap { $0 } }
}

/// A request's body. A field that it does not know is refused by name.
public protocol RequestDocument: Codable, Sendable, Hashable {
  /// Every field that it may have.
  static var fields: [String] { get }
}

/// Which image is wanted, as every request says it.
public protocol ImageRequestDocument: RequestDocument {
  /// An id, a unique name, or (where configuration allows it) a location URL.
  var image: String { get set }
  /// The format of the bytes at a location.
  var diskFormat: String? { get set }
  /// A digest that the stored bytes must have, `algorithm:hex`.
  var digest: String? { get set }
  /// `boot`, `migrate`, `evacuate`, `rescue` or `unshelve`.
  var purpose: String? { get set }
  /// Ids of trusted certificates.
  var trustedCertificates: [String]? { get set }
  /// Seconds after which the request gives up.
  var deadline: Double? { get set }
}

/// What `POST /v1/disks` takes.
public struct DiskRequestDocument: ImageRequestDocument {
  public static let fields = [
    "name", "image", "size", "target", "disk_format", "digest", "purpose", "trusted_certificates", "xml", "device", "discard",
    "detect_zeroes", "attach", "attach_mode", "tier", "project", "instance", "deadline",
  ]
  /// The disk's name.
  public var name: String
  public var image: String
  /// Bytes; the image's virtual size when absent.
  public var size: Int64?
  /// `rbd`, `qcow2` or `raw`; `disks.target` when absent.
  public var target: String?
  public var diskFormat: String?
  public var digest: String?
  public var purpose: String?
  public var trustedCertificates: [String]?
  /// Whether libvirt's element is wanted where this host has no libvirt, too.
  public var xml: Bool?
  /// The device in the guest.
  public var device: String?
  /// What the guest's trims do.
  public var discard: String?
  /// What becomes of zeros that the guest writes.
  public var detectZeroes: String?
  /// The domain that gets it.
  public var attach: String?
  /// `live`, `persistent` or `both`.
  public var attachMode: String?
  /// The tier of bases in which one is made if none lies in any.
  public var tier: String?
  /// For the audit line alone: whose it is.
  public var project: String?
  /// For the audit line alone: the instance.
  public var instance: String?
  public var deadline: Double?

  enum CodingKeys: String, CodingKey {
    case name, image, size, target, digest, purpose, xml, device, discard, attach, tier, project, instance, deadline
    case diskFormat = "disk_format"
    case trustedCertificates = "trusted_certificates"
    case detectZeroes = "detect_zeroes"
    case attachMode = "attach_mode"
  }

  /// A request for a disk.
  public init(name: String, image: String) {
    self.name = name
    self.image = image
  }
}

/// What `POST /v1/fetches` takes.
public struct FetchRequestDocument: ImageRequestDocument {
  public static let fields = ["image", "format", "disk_format", "digest", "purpose", "trusted_certificates", "deadline"]
  public var image: String
  /// `qcow2` or `raw`; the store's when absent.
  public var format: String?
  public var diskFormat: String?
  public var digest: String?
  public var purpose: String?
  public var trustedCertificates: [String]?
  public var deadline: Double?

  enum CodingKeys: String, CodingKey {
    case image, format, digest, purpose, deadline
    case diskFormat = "disk_format"
    case trustedCertificates = "trusted_certificates"
  }

  /// A request for a base.
  public init(image: String) { self.image = image }
}

/// What `POST /v1/plans` takes.
public struct PlanRequestDocument: ImageRequestDocument {
  public static let fields = ["image", "target", "size", "tier", "disk_format", "digest", "purpose", "trusted_certificates", "deadline"]
  public var image: String
  /// `rbd`, `qcow2` or `raw`; `disks.target` when absent.
  public var target: String?
  /// Bytes of the disk.
  public var size: Int64?
  /// The tier of bases in which one is made if none lies in any.
  public var tier: String?
  public var diskFormat: String?
  public var digest: String?
  public var purpose: String?
  public var trustedCertificates: [String]?
  public var deadline: Double?

  enum CodingKeys: String, CodingKey {
    case image, target, size, tier, digest, purpose, deadline
    case diskFormat = "disk_format"
    case trustedCertificates = "trusted_certificates"
  }

  /// A question.
  public init(image: String) { self.image = image }
}

/// What `POST /v1/prewarm-jobs` takes: one of `images`, `tag`, `set` and `all_public`.
public struct PrewarmRequestDocument: RequestDocument {
  public static let fields = ["images", "tag", "set", "all_public", "format", "jobs", "rate", "deadline"]
  /// Ids or unique names.
  public var images: [String]?
  /// All active images with this tag.
  public var tag: String?
  /// A set of the configuration.
  public var set: String?
  /// All public images.
  public var allPublic: Bool?
  /// `qcow2` or `raw`; the store's when absent.
  public var format: String?
  /// Images at once; `prewarm.jobs` when absent.
  public var jobs: Int?
  /// Bytes a second over all; `prewarm.rate` when absent, 0 is no limit.
  public var rate: Int64?
  /// Seconds after which what is left is skipped.
  public var deadline: Double?

  enum CodingKeys: String, CodingKey {
    case images, tag, set, format, jobs, rate, deadline
    case allPublic = "all_public"
  }

  /// Nothing chosen yet.
  public init() {}
}

/// What `POST /v1/disks/NAME/resize` takes.
public struct ResizeRequestDocument: RequestDocument {
  public static let fields = ["size"]
  /// Bytes that the guest sees from now on.
  public var size: Int64

  /// A size in bytes.
  public init(size: Int64) { self.size = size }
}

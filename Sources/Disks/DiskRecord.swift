public import Model
public import Runtime

/// What was asked for: two requests for one name are the same when these are equal.
public struct DiskRequest: Sendable, Hashable, Codable {
  /// The image: its id, or the location an operator named.
  public var image: String
  /// What the disk is made on.
  public var target: Target
  /// Size in bytes that the guest sees.
  public var size: ByteCount

  /// A request.
  public init(image: String, target: Target, size: ByteCount) {
    self.image = image
    self.target = target
    self.size = size
  }
}

/// The record that a disk carries: in the metadata of its RBD image, or beside its file.
public struct DiskRecord: Sendable, Hashable, Codable {
  /// Version of this format; a newer one is refused.
  public static let currentVersion = 1

  /// The format's version.
  public var version: Int
  /// The disk's name.
  public var name: DiskName
  /// What was asked for.
  public var request: DiskRequest
  /// How it was made.
  public var route: Route
  /// The location it came from, without credentials; nil when it came from the image service itself or a base that was there.
  public var source: String?
  /// The base it stands on: a file's path; nil for a clone.
  public var base: String?
  /// Who made it.
  public var owner: ProcessOwner
  /// When, RFC 3339 in UTC.
  public var created: String
  /// A random mark of this very making, to tell it from another of the same name.
  public var nonce: String

  /// What was verified of the bytes that it began with; nil where nothing was (policy asks for nothing of a clone), and in an older version's record.
  public var evidence: Evidence?

  /// The id of the RBD image that the record speaks of; nil for a file. A clone inherits its parent's metadata: a record that speaks of another
  /// image makes no disk of ours.
  public var imageID: String?

  /// A record of a making that begins now.
  public init(
    name: DiskName, request: DiskRequest, route: Route, source: String?, base: String?, created: String,
    nonce: String = String(UInt64.random(in: 0...UInt64.max), radix: 16), owner: ProcessOwner = .current
  ) {
    version = Self.currentVersion
    self.name = name
    self.request = request
    self.route = route
    self.source = source
    self.base = base
    self.owner = owner
    self.created = created
    self.nonce = nonce
  }
}

/// How far a disk is: kept apart from the record, and set to `ready` last.
public enum DiskState: String, Sendable, Hashable, Codable {
  case making, ready, deleting
}

/// What became of a request for a disk.
public enum DiskOutcome: String, Sendable, Hashable, Codable {
  case created, existing
}

/// A disk that is there.
public struct DiskInfo: Sendable, Hashable {
  /// Its record.
  public var record: DiskRecord
  /// How far it is.
  public var state: DiskState
  /// Where it lies: `pool/image`, or a path.
  public var path: String
  /// Size in bytes that the guest sees now.
  public var size: ByteCount

  /// A disk.
  public init(record: DiskRecord, state: DiskState, path: String, size: ByteCount) {
    self.record = record
    self.state = state
    self.path = path
    self.size = size
  }
}

extension DiskRecord {
  /// The error for a name that is taken by another request.
  public func conflict(at path: String) -> SlipwayError {
    SlipwayError(
      .nameConflict,
      "disk '\(name)' exists with another request (image \(request.image), target \(request.target.rawValue), \(request.size))",
      object: path, hint: "choose another name, or delete it with: slipway disk delete \(name)")
  }
}

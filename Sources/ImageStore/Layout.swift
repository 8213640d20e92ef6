internal import Files
public import Model

/// How a store is laid out: what bases are called and where they lie, which lock file guards each, and with which modes. Everything else about a
/// store (evidence, leases, what is half-made, the catalog) is the same in every layout and lies in the store's own directory.
public struct Layout: Sendable {
  /// The word in the configuration and in `FORMAT`.
  let word: String
  /// Mode of a published base's file.
  let baseMode: UInt32
  /// Mode of a base's lock file.
  let lockMode: UInt32
  /// The base that a file name stands for; nil for a name that is none of ours.
  public let name: @Sendable (String) -> BaseName?
  /// The name of the lock file of a base.
  let lock: @Sendable (BaseName) -> String
  /// The directory of bases when it lies outside the store's own, absolute.
  let outside: String?
  /// Opens the directories for bases and for their lock files, making what is missing; `part` opens one of the store's own.
  let places: @Sendable (_ root: Directory, _ part: (String, UInt32) throws -> Directory) throws -> Places
  /// The directory in which disks lie that grow from these bases, absolute; nil when only the configuration knows.
  public let disks: String?
  /// What it shares with another program; nil when all is ours alone.
  let sharing: Sharing?
  /// Whether bases are root's and immutable where that can be.
  var isProtected: Bool { sharing == nil }

  /// Where bases and their lock files are.
  struct Places {
    var bases: Directory
    var baseLocks: Directory
  }

  /// The rules of a directory that another program makes bases in, too, and removes them by their file's time.
  struct Sharing: Sendable {
    /// What that program is called in a sentence.
    var with: String
    /// Whether it keeps every image as raw, or each as it is.
    var forcesRaw: Bool
    /// Whether we may remove what it made.
    var removesTheirs: Bool
  }

  /// Slipway's own: everything in one directory, names by identity.
  public static let native = Layout(
    word: "native", baseMode: 0o444, lockMode: 0o600, name: { BaseName($0) }, lock: { "\($0).lock" }, outside: nil,
    places: { _, part in
      // Only `bases` is for others to enter: QEMU opens what is in it.
      Places(bases: try part("bases", 0o755), baseLocks: try part("locks", 0o700))
    }, disks: nil, sharing: nil)

  /// The base that a file beside it (`<base>.<ending>`) belongs to, nil when it is none of ours.
  func base(owning file: String, endings: Set<String>) -> BaseName? {
    guard let dot = file.lastIndex(of: "."), endings.contains(String(file[file.index(after: dot)...])) else { return nil }
    return name(String(file[..<dot]))
  }

  /// The format in which a base of an image of that `disk_format` is kept: `wanted` where the layout leaves the choice. Throws `format_refused` for
  /// a wish (`isFirm`) that the layout cannot fulfil, and for an image whose own format it would have to keep and we don't write.
  public func format(
    of diskFormat: String?, wanted: BaseFormat, isFirm: Bool, object: String
  ) throws(SlipwayError) -> BaseFormat {
    guard let sharing else { return wanted }
    let theirs: BaseFormat = sharing.forcesRaw || diskFormat != BaseFormat.qcow2.rawValue ? .raw : .qcow2
    guard !isFirm || wanted == theirs else {
      throw SlipwayError(
        .formatRefused,
        "image \(object) cannot be kept as \(wanted.rawValue): \(sharing.with) keeps it as \(theirs.rawValue), and disks that migrate rely on that",
        object: object, hint: "leave --format out")
    }
    return theirs
  }

  /// An identity with the name that the layout gives it. Throws `usage` where that needs an image id and there is none.
  public func place(_ identity: BaseIdentity, of image: ImageID?, object: String) throws(SlipwayError) -> BaseIdentity {
    try checkNamed(image, object: object)
    guard sharing != nil, let image else { return identity }
    return try identity.novas(image)
  }

  /// Throws `usage` where names come from image ids and there is none: worth asking before anything is looked for.
  public func checkNamed(_ image: ImageID?, object: String) throws(SlipwayError) {
    if let sharing, image == nil {
      throw SlipwayError(
        .usage, "\(object) has no image id, by which \(sharing.with) names the bases in its cache", object: object,
        hint: "name an image of the image service, or use store.layout: native")
    }
  }

  /// The base of an image whose id alone makes the name; nil where it takes more.
  public func name(of image: ImageID?) throws(SlipwayError) -> BaseName? {
    guard sharing != nil, let image else { return nil }
    return try BaseName(novaOf: image)
  }

  /// Whether the layout, and not the request, says in which format a base is kept.
  public var choosesFormat: Bool { sharing != nil }

  /// Whether images that a machine boots besides its disk (kernel and ramdisk) belong into the store, too.
  public var keepsKernels: Bool { sharing != nil }
}

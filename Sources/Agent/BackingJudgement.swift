internal import ImageFormats
internal import ImageStore
internal import Model

/// What a disk stands on, as its header tells, when it may be acted on: no name is followed out of the store and the disks' roots, and nothing is
/// brought in another format than the one that the disk will read it in.
enum BackingPlace: Sendable, Hashable {
  /// A base of this host's store, which the disk reads in that format.
  case base(BaseName, BaseFormat)
  /// Another disk, which stands on something itself.
  case disk(path: String)

  /// Judges the backing file that the disk at `overlay` (an absolute path) names. `isBases` says of a directory whether it is the store's, `base` of a file name which base it is; `roots` are
  /// the directories under which disks lie.
  ///
  /// Throws `format_refused` for a name that is no local path and for a format that is missing or unknown, `format_mismatch` when the base of that
  /// name is kept in another format than the disk reads it in (Nova does not look, and its guest then reads a qcow2's header as its boot sector),
  /// `location_not_allowed` for a path elsewhere, `not_ours` for a file in the store's directory that is no base, `base_not_found` for a chain that ends
  /// in another disk.
  static func judge(
    _ reference: BackingReference, of overlay: String, store: String, roots: [String], name base: (String) -> BaseName? = { BaseName($0) },
    isBases: (String) -> Bool
  ) throws(SlipwayError) -> BackingPlace {
    let path = try path(of: reference, overlay)
    guard let told = reference.format else {
      throw SlipwayError(
        .formatRefused, "\(overlay) does not record the format of its backing file \(path), so that whoever opens it would have to guess",
        object: overlay, hint: "see what it is on the host where the disk comes from, and record it there with qemu-img rebase -u -F FORMAT"
      )
    }
    guard let format = BaseFormat(rawValue: told) else {
      throw SlipwayError(
        .formatRefused, "\(overlay) reads its backing file \(path) as '\(printable(told))', and bases are raw or qcow2", object: overlay)
    }
    let (directory, file) = split(path)
    if isBases(directory) {
      guard let name = base(file) else {
        throw SlipwayError(
          .notOurs, "\(path), the backing file of \(overlay), is not the name of a base", object: path,
          hint: "bring it as it was brought on the host where the disk comes from")
      }
      // Not every layout's names tell a format.
      let kept: BaseFormat? = name.format
      if let kept, kept != format { throw mismatch(path, kept: kept, read: format, by: overlay) }
      return .base(name, format)
    }
    guard roots.contains(where: { path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }) else {
      let isBase = base(file) != nil
      throw SlipwayError(
        .locationNotAllowed,
        "\(path), the backing file of \(overlay), lies neither in the store \(store) nor under the roots of disks", object: path,
        hint: isBase
          ? "it has the name of a base: give this host the store path of the host where the disk comes from (store.path)"
          : "list its directory in disks.roots if it is a disk")
    }
    guard format == .qcow2 else {
      throw SlipwayError(
        .baseNotFound, "\(overlay) stands on \(path), a raw disk and no base of the store", object: path,
        hint: "bring that file as the disk itself was brought")
    }
    return .disk(path: path)
  }

  /// The refusal of a base that a disk would read otherwise than it is kept.
  static func mismatch(_ path: String, kept: BaseFormat, read: BaseFormat, by overlay: String) -> SlipwayError {
    SlipwayError(
      .formatMismatch,
      "\(overlay) reads its backing file as \(read.rawValue), and the base \(path) is kept as \(kept.rawValue): the guest would see other bytes",
      object: overlay, hint: "nothing was brought; find out which of both is true before the disk is used")
  }

  /// The name as an absolute path; relative ones are the disk's directory's (QEMU `path_combine`).
  private static func path(of reference: BackingReference, _ overlay: String) throws(SlipwayError) -> String {
    let shown = printable(reference.path)
    guard let text = String(validating: reference.pathBytes, as: UTF8.self), !text.utf8.contains(0) else {
      throw SlipwayError(.formatRefused, "the name of the backing file of \(overlay) is not text", object: overlay)
    }
    // QEMU takes what stands before a colon for a protocol, unless a slash comes first.
    let word = text.prefix { $0 != "/" && $0 != ":" }
    guard word.endIndex == text.endIndex || text[word.endIndex] == "/" else {
      throw SlipwayError(
        .formatRefused, "the backing file of \(overlay) is '\(shown)', which is no path", object: overlay,
        hint: "only disks on a base in the store are served")
    }
    let path = text.hasPrefix("/") ? text : split(overlay).0 + "/" + text
    guard !path.split(separator: "/").contains(where: { $0 == ".." || $0 == "." }) else {
      throw SlipwayError(
        .locationNotAllowed, "the backing file of \(overlay) is '\(shown)', and a path with '.' or '..' is not followed", object: overlay,
        hint: "record the plain absolute path with qemu-img rebase -u")
    }
    return "/" + path.split(separator: "/").joined(separator: "/")
  }

  private static func split(_ path: String) -> (String, String) {
    guard let slash = path.lastIndex(of: "/") else { return ("", path) }
    return (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
  }

  /// What strangers wrote, fit for a sentence.
  private static func printable(_ text: String) -> String {
    String(text.unicodeScalars.prefix(200).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
  }
}

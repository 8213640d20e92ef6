internal import Model

/// One piece of the search: done on an owned thread, and answered as a value.
enum ScanStep: Sendable {
  /// A directory that is configured.
  case root(String)
  /// A directory; its depth below the root is 0 for the root itself.
  case directory(String, depth: Int)
  /// Files of one directory.
  case files([ScanFile], directory: String, depth: Int)
  /// A disk that somebody names, wherever it lies.
  case named(NamedDisk)
  /// A file that a disk names, opened in that format, if it says which.
  case backing(String, format: String?)
}

/// A file that may be a disk.
struct ScanFile: Sendable {
  var path: String
  /// Its last component.
  var name: String
  /// What the file is by the word of whoever made it (`qcow2`, `raw`), where that is known.
  var format: String?
}

/// A file's place in the graph of who stands on what.
struct ScanNode: Sendable {
  var path: String
  var identity: FileIdentity
  /// Whether the search found it under a root; else it is known only because a disk names it.
  var isDisk: Bool
  /// Files that it names and that are there.
  var backing: [FileIdentity] = []
  /// Their paths.
  var named: [String] = []
  /// Absolute paths that it names and where nothing is.
  var missing: [String] = []
}

/// What one piece found, and what is to be done next.
struct ScanAnswer: Sendable {
  /// A directory and how deep it lies below its root.
  struct Place: Sendable {
    var path: String
    var depth: Int
    var identity: FileIdentity
  }
  /// A file that a disk names.
  struct Named: Sendable {
    var path: String
    var format: String?
    var identity: FileIdentity
  }

  var next: [ScanStep] = []
  /// Directories to look into, once each, wherever links and mounts show them.
  var directories: [Place] = []
  /// A directory out of which something went: to be looked into again for what came in its place.
  var again: (path: String, depth: Int)?
  /// Backing files to look at, once each.
  var backing: [Named] = []
  var nodes: [ScanNode] = []
  /// Named disks that are not there.
  var absent: [NamedDisk] = []
  /// Whose disks were looked at, by path.
  var domains: [String: [String]] = [:]
  var unreadable: [DiskReferences.Unreadable] = []
  var vanished: [String] = []
  var files = 0
}

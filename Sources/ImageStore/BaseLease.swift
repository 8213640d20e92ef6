internal import Files
public import Model
public import Runtime

/// A short claim on a base: from the plan to the moment that a disk or a domain refers to it, nobody evicts it. It ends with `release`, at the
/// latest with the last reference or with the process.
public final class BaseLease: Sendable {
  /// The base.
  public let name: BaseName
  private let file: File
  private let fileName: String
  private let directory: Directory

  init(name: BaseName, file: File, fileName: String, directory: Directory) {
    self.name = name
    self.file = file
    self.fileName = fileName
    self.directory = directory
  }

  deinit { release() }

  /// Gives the claim up. Twice changes nothing.
  public func release() {
    // By name only while it is ours: a name is never used twice.
    _ = try? directory.remove(fileName)
    try? file.close()
  }

  /// Throws `busy` when someone removed the lease's file, so that nothing protects the base any more; `internal` once released.
  public func verify() throws(SlipwayError) {
    let ours = try file.status()
    guard let theirs = try directory.status(of: fileName), ours.isSameFile(as: theirs) else {
      throw SlipwayError(
        .busy, "the lease \(directory.path)/\(fileName) was removed while it was held", object: "\(directory.path)/\(fileName)",
        hint: "leave files in leases/ alone, and try again")
    }
  }
}

/// What a lease says about itself.
public struct LeaseInfo: Sendable, Hashable, Codable {
  /// The version of the file that we write.
  public static let currentVersion = 1
  /// The file's version.
  public var version: Int
  /// The process that holds it.
  public var owner: ProcessOwner
  /// The request on whose behalf.
  public var request: String
  /// What for.
  public var note: String
  /// Since when, seconds since 1970.
  public var created: Int64
}

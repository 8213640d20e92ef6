public import Files
public import Model
public import Runtime

/// Disks that are files in one local directory: `NAME.qcow2` and `NAME.raw`, their records in `.slipway/` beside them.
public struct FileDisks: Sendable {
  /// The directory.
  public let directory: Directory
  let hidden: Directory
  let workers: WorkerPool

  /// Opens the directory, making it (0711) when missing. Throws what opening a directory does.
  public static func open(_ path: String, workers: WorkerPool) async throws -> FileDisks {
    try await workers.run {
      let directory = try Directory.open(path, create: 0o711)
      return FileDisks(directory: directory, hidden: try directory.directory(".slipway", create: 0o700), workers: workers)
    }
  }

  /// Closes the directories. What is under way fails.
  public func close() async {
    let disks = self
    _ = try? await workers.runAlways {
      try? disks.hidden.close()
      try? disks.directory.close()
    }
  }

  /// What lies beside a disk: its record, how far it is, and which file it is.
  struct Sidecar: Codable, Sendable {
    var record: DiskRecord
    var state: DiskState
    /// Inode and device of the disk's file, known before it has its name.
    var inode: UInt64
    var device: UInt64
  }

  static func fileName(_ name: DiskName, _ target: Target) -> String { "\(name).\(target == .raw ? "raw" : "qcow2")" }

  func lockName(_ name: DiskName) -> String { "\(name).lock" }
  func cancelName(_ name: DiskName) -> String { "\(name).cancel" }
  func sidecarName(_ name: DiskName) -> String { "\(name).json" }

  func sidecar(_ name: DiskName) throws -> Sidecar? {
    guard let bytes = try hidden.contents(of: sidecarName(name)) else { return nil }
    let path = "\(hidden.path)/\(sidecarName(name))"
    struct Versioned: Decodable {
      struct Record: Decodable { var version: Int }
      var record: Record
    }
    let text = String(decoding: bytes, as: UTF8.self)
    if let version = RecordCoding.decode(Versioned.self, text)?.record.version, version > DiskRecord.currentVersion {
      throw SlipwayError(
        .notOurs, "\(path) is of version \(version), newer than this program knows (\(DiskRecord.currentVersion))", object: path,
        hint: "use the newer slipway that made it")
    }
    guard let sidecar = RecordCoding.decode(Sidecar.self, text), sidecar.record.name == name else {
      throw SlipwayError(
        .notOurs, "\(path) cannot be read as the record of disk \(name)", object: path, hint: "look at it, and remove it by hand")
    }
    return sidecar
  }

  func write(_ sidecar: Sidecar) throws {
    let name = sidecar.record.name
    // The lock is held, so one temporary name is enough; what a crash left of it goes first.
    _ = try hidden.remove(Self.temporaryName(name))
    let text = try RecordCoding.encode(sidecar)
    try hidden.replace(sidecarName(name), with: Array(text.utf8), temporary: Self.temporaryName(name), in: hidden)
  }

  /// Where a record is written before it takes its name.
  static func temporaryName(_ name: DiskName) -> String { "\(name).tmp" }

  /// The disk that a sidecar speaks of; nil when its file is gone or is another.
  func present(_ sidecar: Sidecar) throws -> FileStatus? {
    let file = Self.fileName(sidecar.record.name, sidecar.record.request.target)
    guard let status = try directory.status(of: file), status.inode == sidecar.inode, status.device == sidecar.device else { return nil }
    return status
  }

  func info(_ sidecar: Sidecar) -> DiskInfo {
    let record = sidecar.record
    return DiskInfo(
      record: record, state: sidecar.state, path: "\(directory.path)/\(Self.fileName(record.name, record.request.target))",
      size: currentSize(sidecar))
  }

  func foreign(_ file: String) -> SlipwayError {
    let path = "\(directory.path)/\(file)"
    return SlipwayError(
      .notOurs, "\(path) exists and was not made by Slipway", object: path, hint: "it is left alone; move it away, or choose another name")
  }

  /// One disk. Throws `disk_not_found`.
  public func show(_ name: DiskName) async throws -> DiskInfo {
    let disks = self
    return try await workers.run {
      guard let sidecar = try disks.sidecar(name), try disks.present(sidecar) != nil else {
        throw SlipwayError(
          .diskNotFound, "there is no disk '\(name)' in \(disks.directory.path)", object: name.text, hint: "see: slipway disk list")
      }
      return disks.info(sidecar)
    }
  }

  /// All disks of ours, by name; other files are left out, and so are records that cannot be read.
  public func list() async throws -> [DiskInfo] {
    let disks = self
    return try await workers.run {
      var found: [DiskInfo] = []
      for entry in try disks.hidden.names() where entry.hasSuffix(".json") {
        guard let name = try? DiskName(String(entry.dropLast(5))), let sidecar = try? disks.sidecar(name) else { continue }
        if try disks.present(sidecar) != nil { found.append(disks.info(sidecar)) }
      }
      return found.sorted { $0.record.name.text < $1.record.name.text }
    }
  }
}

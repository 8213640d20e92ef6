internal import Files
internal import ImageFormats
internal import Model
internal import Runtime

/// A file in a disk's chain.
public struct DiskLayer: Sendable, Hashable {
  /// Its absolute path.
  public var path: String
  /// `qcow2` or `raw`.
  public var format: String

  /// A file.
  public init(path: String, format: String) {
    self.path = path
    self.format = format
  }
}

extension FileDisks {
  /// How many files a chain may have; QEMU's own limit is about as many.
  private static let depth = 200

  /// The files that a disk stands on, as their headers say, the nearest first; none for one that stands alone. A raw file ends a chain: its bytes are
  /// its guest's. Throws `format_refused` where a header names something else than a file whose format it tells, `source_not_found` for one that is gone.
  public func backing(of disk: DiskInfo) async throws -> [DiskLayer] {
    guard disk.record.request.target == .qcow2 else { return [] }
    return try await backing(ofQcow2: disk.path)
  }

  /// As `backing(of:)`, for any qcow2: one that is raw must not be asked, since its first bytes are its guest's.
  public func backing(ofQcow2 top: String) async throws -> [DiskLayer] {
    try await workers.run {
      var layers: [DiskLayer] = []
      var path = top
      while layers.count < Self.depth {
        let file = try File.open(path, under: nil)
        defer { try? file.close() }
        guard let reference = try BackingReference.read(Self.head(of: file), object: path) else { return layers }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        guard case .files(let places) = BackingName.meaning(of: reference, in: { [folder] }), places.count == 1, let next = places[0].first,
          let format = reference.format
        else {
          throw SlipwayError(
            .formatRefused, "\(path) has the backing file '\(reference.path)', which is no local file of a known format", object: path)
        }
        layers.append(DiskLayer(path: next, format: format))
        guard format == "qcow2" else { return layers }
        path = next
      }
      throw SlipwayError(.formatRefused, "the chain of \(top) has more than \(Self.depth) files", object: top)
    }
  }

  /// Whether the file system of a disk's file takes direct reads (O_DIRECT): then QEMU may leave the host's page cache out. Some take the flag and refuse
  /// the read.
  public func takesDirect(_ disk: DiskInfo) async throws -> Bool {
    try await workers.run {
      let file = try File.open(disk.path, under: nil)
      defer { try? file.close() }
      guard try file.setDirect(true) else { return false }
      let buffer = Buffer(capacity: 4096)
      return (try? file.read(into: buffer.memory, at: 0)) != nil
    }
  }

  /// The size that a guest sees now: of a raw file its length, of a qcow2 what its header says. What was asked for, where that cannot be read.
  func currentSize(_ sidecar: Sidecar) -> ByteCount {
    let record = sidecar.record
    guard let file = try? directory.openFile(Self.fileName(record.name, record.request.target)) else { return record.request.size }
    defer { try? file.close() }
    if record.request.target == .raw { return (try? file.size()).map { ByteCount($0) } ?? record.request.size }
    guard let head = try? Self.head(of: file), let header = try? Qcow2Header(parsing: head, object: file.path) else {
      return record.request.size
    }
    // A header counts in sectors; a size that was not changed is the one that was asked for.
    let asked = (record.request.size.bytes + 511) & ~511
    return header.virtualSize == asked ? record.request.size : ByteCount(header.virtualSize)
  }
}

internal import Files
internal import ImageFormats
internal import Model

/// What the first bytes of a file say about what it stands on.
enum DiskHead {
  /// It stands on nothing.
  case alone(FileStatus)
  /// It names a backing file.
  case names(BackingReference, FileStatus)
  /// It cannot be known; `salvage` is what a damaged header still seems to name.
  case unreadable(String, FileStatus?, salvage: BackingReference?)
  /// It is no longer there.
  case vanished

  /// Enough for what QEMU and we write, then for whatever there can be.
  private static let sizes = [4096, 65536, 2 << 20]
  private static let magic = Array("QFI".utf8) + [0xFB]

  /// Reads the head of the file at `path`. `format` is what it is by the word of its maker or of who names it; without that, `isExpected` says
  /// that a file without a qcow2 header must show that it is raw, as those with the names of disks must.
  static func read(_ path: String, format: String?, isExpected: Bool) -> DiskHead {
    let file: File
    do throws(SlipwayError) {
      file = try File.open(path, under: nil)
    } catch {
      if error.code == .sourceNotFound { return .vanished }
      // A socket or a FIFO is no disk.
      if error.code == .locationNotAllowed, error.errno == nil { return .vanished }
      return .unreadable(error.message, nil, salvage: nil)
    }
    defer { try? file.close() }
    var status: FileStatus?
    do throws(SlipwayError) {
      let known = try file.status()
      status = known
      return try read(file, known, format: format, isExpected: isExpected)
    } catch {
      return .unreadable(error.message, status, salvage: nil)
    }
  }

  private static func read(_ file: File, _ status: FileStatus, format: String?, isExpected: Bool) throws(SlipwayError) -> DiskHead {
    var head: [UInt8] = []
    var problem = "it is damaged"
    for size in sizes {
      head = try self.head(of: file, size)
      guard head.starts(with: magic) else { break }
      do throws(SlipwayError) {
        guard let reference = try BackingReference.read(head, object: file.path) else { return .alone(status) }
        return .names(reference, status)
      } catch {
        problem = error.message
      }
      if head.count < size { break }
    }
    if head.starts(with: magic), format != "raw" { return .unreadable(problem, status, salvage: BackingReference.salvage(head)) }
    switch format {
    case "qcow2": return .unreadable("it is said to be qcow2, and has no qcow2 header", status, salvage: nil)
    case nil where isExpected:
      if RawEvidence.holds(try self.head(of: file, RawEvidence.headSize)) { return .alone(status) }
      return .unreadable("it is neither qcow2 nor recognised as raw", status, salvage: nil)
    default: return .alone(status)
    }
  }

  private static func head(of file: File, _ size: Int) throws(SlipwayError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    let count: Int
    do {
      count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    } catch { throw SlipwayError.wrap(error) }
    bytes.removeLast(size - count)
    return bytes
  }
}

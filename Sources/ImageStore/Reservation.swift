internal import Files
internal import Model
internal import Runtime

/// A promise of space that other processes see: a file in `tmp` whose size is what is still to be written, locked as long as its owner lives.
final class Reservation: Sendable {
  private let marker: File
  private let name: String
  private let directory: Directory
  private let promised: Int64
  private let file: File

  /// Promises `bytes` for what will be written to `file`. The marker is locked before it has a name where the file system allows that, so no sweep can take it for a dead one's.
  init(bytes: Int64, for file: File, in directory: Directory, unnamed: Bool) throws(SlipwayError) {
    let name = TemporaryName(.reserve).text
    let marker = try directory.createUnnamed(fallback: name, unnamed: unnamed)
    do throws(SlipwayError) {
      _ = try FileLock.lock(marker)
      try marker.truncate(to: bytes)
      if marker.temporaryName == nil { try directory.link(marker, as: name, from: directory) }
    } catch {
      if let name = marker.temporaryName { _ = try? directory.remove(name) }
      try? marker.close()
      throw error
    }
    self.marker = marker
    self.file = file
    self.name = name
    self.directory = directory
    promised = bytes
  }

  /// Shrinks the promise to what the file has not yet allocated.
  func update() throws(SlipwayError) { try marker.truncate(to: max(0, promised - file.status().allocated)) }

  /// Takes the promise back. Twice changes nothing.
  func release() {
    _ = try? directory.remove(name)
    try? marker.close()
  }
}

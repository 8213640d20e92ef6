internal import Model

/// A lock file that somebody else has locked, open for as long as we wait. For reading only: when it is closed nobody is woken.
final class WaitingLock: Sendable {
  enum Look: Sendable {
    case free
    case taken
    /// The name is gone, or another file has it.
    case replaced
  }
  private let name: String
  private let directory: Directory
  private let file: File
  /// Nil where the kernel does not tell.
  let watch: ReleaseWatch.Watch?

  /// Nil when there is no such file. Blocks no longer than opening one does.
  init?(_ name: String, in directory: Directory) throws(SlipwayError) {
    do throws(SlipwayError) {
      file = try directory.openFile(name)
    } catch {
      guard error.errno == SystemError.notThere else { throw error }
      return nil
    }
    self.name = name
    self.directory = directory
    watch = ReleaseWatch.shared?.add(file)
  }

  func look() throws(SlipwayError) -> Look {
    guard let now = try directory.status(of: name), try file.status().isSameFile(as: now) else { return .replaced }
    return try FileLock.isLocked(file) ? .taken : .free
  }

  func end() {
    watch?.end()
    try? file.close()
  }
}

internal import CLinux
internal import Glibc
internal import Model
internal import Runtime

/// Runs programs that parse what strangers wrote: with the descriptors that they are handed and nothing else.
///
/// A child has no network, no rights, no file but its program and libraries, limits of memory, CPU time, time and size of files, and is killed when the caller
/// is cancelled or this process dies, be it by SIGKILL. Where the kernel does not offer one of these, `ChildResult.held` says so.
public enum Sandbox {
  /// Trees from which programs and libraries come.
  private static let trees = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/opt"]
  private static let readable = ["/etc/ld.so.cache", "/dev/urandom", "/dev/zero"]

  /// The first program of that name in the directories of `path` (as `PATH` has them, absolute ones only); nil for none.
  public static func find(_ name: String, path: String) -> String? {
    for directory in path.split(separator: ":") where directory.hasPrefix("/") {
      let candidate = "\(directory)/\(name)"
      var status = stat()
      if stat(candidate, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(candidate, X_OK) == 0 { return candidate }
    }
    return nil
  }

  /// Runs `child` to its end, which every path out of here waits for: nothing of it is left once this returns or throws.
  ///
  /// Throws `io_error` for one that cannot be started, `CancellationError`. How it ended, well or not, is the result.
  public static func run(_ child: Child, control: ChildControl = ChildControl()) async throws -> ChildResult {
    let handoff = Handoff<ChildResult>()
    // A thread of its own: a child dies with the thread that started it, and a pool may let one go.
    let began = Thread.detach(name: "child") { handoff.fulfill(Result { try Keeper(child, control).run() }) }
    guard began else {
      for descriptor in child.descriptors { close(descriptor) }
      throw SlipwayError(.ioError, "there is no thread to run \(child.program) from", object: child.program)
    }
    let result = try await withTaskCancellationHandler {
      try await handoff.value()
    } onCancel: {
      control.end()
    }
    try Task.checkCancellation()
    return result
  }

  /// What keeps files from a child; nil where the kernel has no Landlock.
  static func ruleset(for program: Int32) -> Int32? {
    let lists = [trees, readable].map { list in list.map { strdup($0) } }
    defer { for text in lists.joined() { free(text) } }
    let pointers = lists.map { list in list.map { UnsafePointer($0) } + [nil] }
    var version: Int32 = 0
    let ruleset = pointers[0].withUnsafeBufferPointer { trees in
      pointers[1].withUnsafeBufferPointer { readable in slipway_landlock(trees.baseAddress, readable.baseAddress, program, &version) }
    }
    return ruleset < 0 ? nil : ruleset
  }
}

internal import Foundation
internal import Glibc
internal import Model
internal import Runtime

/// qemu-img, for what only QEMU should do to a qcow2 that it wrote. No key and no network go to it, and its input has no option that a file chooses.
struct QemuImg {
  /// Where it is looked for.
  private static let path = "/usr/local/bin:/usr/bin:/bin"

  /// Runs it to its end. Ends it when the task is cancelled or the deadline passes. Throws `io_error` with what it said, `configuration` when it is missing,
  /// `timeout`, `CancellationError`.
  static func run(_ arguments: [String], object: String, deadline: Deadline, workers: WorkerPool) async throws {
    let (child, output) = try await workers.run { try start(arguments) }
    var status: Int32?
    do {
      while status == nil {
        try deadline.check("qemu-img working on \(object)")
        try Task.checkCancellation()
        status = ended(child)
        if status == nil { try await Task.sleep(for: .milliseconds(20)) }
      }
    } catch {
      _ = try? await workers.runAlways { end(child) }
      try? output.close()
      throw error
    }
    let text = String(decoding: (try? output.readToEnd()) ?? Data(), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    try? output.close()
    guard status == 0 else {
      let lines = text.split(separator: "\n").last.map { String($0.prefix(500)) } ?? "it ended with \(status ?? -1)"
      throw SlipwayError(.ioError, "qemu-img could not change \(object): \(lines)", object: object)
    }
  }

  /// Its end's status, nil while it runs.
  private static func ended(_ child: pid_t) -> Int32? {
    var status: Int32 = 0
    let found = waitpid(child, &status, WNOHANG)
    if found == 0 || (found < 0 && errno == EINTR) { return nil }
    return found < 0 ? -1 : status
  }

  private static func end(_ child: pid_t) {
    kill(child, SIGTERM)
    for _ in 0..<100 {
      if ended(child) != nil { return }
      usleep(20_000)
    }
    kill(child, SIGKILL)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
  }

  private static func start(_ arguments: [String]) throws -> (pid_t, FileHandle) {
    // What it says goes into a file without a name, so that nobody has to read while it runs.
    var template = Array("/tmp/slipway-qemu-img-XXXXXX".utf8CString)
    let log = mkstemp(&template)
    guard log >= 0, fcntl(log, F_SETFD, FD_CLOEXEC) == 0 else {
      throw SlipwayError(.ioError, "cannot make a file in /tmp for what qemu-img says")
    }
    unlink(template)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, log, 1)
    posix_spawn_file_actions_adddup2(&actions, log, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Signals that we ignore or catch are as usual for it, and none is blocked.
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let places: [String] = path.split(separator: ":").map { "\($0)/qemu-img" }
    let program = places.first { access($0, X_OK) == 0 }
    guard let program else {
      close(log)
      throw SlipwayError(
        .configuration, "qemu-img is not installed, and it alone flattens a qcow2", object: "qemu-img",
        hint: "install it: apt install qemu-utils")
    }
    var words: [UnsafeMutablePointer<CChar>?] = []
    for word in ["qemu-img"] + arguments { words.append(strdup(word)) }
    words.append(nil)
    var environment: [UnsafeMutablePointer<CChar>?] = []
    for word in ["PATH=\(path)", "LANG=C.UTF-8"] { environment.append(strdup(word)) }
    environment.append(nil)
    defer { for word in words + environment { free(word) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, program, &actions, &attributes, &words, &environment)
    guard code == 0 else {
      close(log)
      throw SlipwayError(.ioError, "cannot start \(program): \(String(cString: strerror(code)))", object: program)
    }
    // The child's writes have moved the position that we share: back to the start, once it has ended.
    return (child, RewindingHandle.make(log))
  }
}

/// Reads a file from its beginning, wherever another's writes have left the position that is shared.
private enum RewindingHandle {
  static func make(_ descriptor: Int32) -> FileHandle {
    let again = open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC)
    guard again >= 0 else { return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true) }
    close(descriptor)
    return FileHandle(fileDescriptor: again, closeOnDealloc: true)
  }
}

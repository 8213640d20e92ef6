internal import CLinux
internal import Glibc
internal import Model

/// Starts one child and stays with it to its end, on a thread of its own.
struct Keeper {
  private let child: Child
  private let control: ChildControl
  private static let complaintLimit = 4096

  init(_ child: Child, _ control: ChildControl) {
    self.child = child
    self.control = control
  }

  func run() throws -> ChildResult {
    var handed = child.descriptors
    // A peer of ours at the other end learns of the child's end only when nobody else holds this one.
    func handOver() {
      for descriptor in handed { close(descriptor) }
      handed = []
    }
    defer { handOver() }
    if control.isEnded { throw CancellationError() }
    var open: [Int32] = []
    defer { for descriptor in open { close(descriptor) } }
    func keep(_ descriptor: Int32, _ doing: String) throws -> Int32 {
      guard descriptor >= 0 else { throw failure(doing) }
      open.append(descriptor)
      return descriptor
    }
    let program = try keep(Glibc.open(child.program, O_RDONLY | O_CLOEXEC), "open it")
    let null = try keep(Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC), "open /dev/null")
    let landlock = Sandbox.ruleset(for: program)
    if let landlock { open.append(landlock) }
    let (output, outputEnd) = try pipe()
    let (complaints, complaintsEnd) = try pipe()
    open += [output, complaints]
    var started = slipway_child()
    let code: Int32
    var doing = ""
    do {
      defer {
        handOver()
        close(outputEnd)
        close(complaintsEnd)
      }
      code = spawn([null, outputEnd, complaintsEnd] + child.descriptors, program, landlock ?? -1, &started, &doing)
    }
    guard code == 0 else { throw failure(doing) }
    open.append(started.pidfd)
    if !control.started(started.pidfd) { slipway_kill(started.pidfd) }
    let deadline = ContinuousClock.now + child.wall
    var reader = ChildReader(output: output, complaints: complaints, outputLimit: child.outputLimit, complaintLimit: Self.complaintLimit)
    let isLate = !reader.read(until: started.pidfd, deadline)
    if isLate { slipway_kill(started.pidfd) }
    control.finished()
    var microseconds: Int64 = 0
    let status = slipway_reap(started.pid, &microseconds)
    // What it wrote last. It is dead, so this ends; whatever it may have started does not keep us.
    reader.drain()
    return ChildResult(
      end: end(status, microseconds, isLate: isLate), output: reader.output, complaint: reader.complaint,
      held: Confinement(rawValue: started.held))
  }

  private func end(_ status: Int32, _ microseconds: Int64, isLate: Bool) -> ChildResult.End {
    if isLate { return .late }
    guard status >= 256 else { return status < 0 ? .signalled(0) : .exited(status) }
    if control.isEnded { return .ended }
    // The kernel ends it at the limit, with SIGXCPU or SIGKILL.
    if microseconds >= child.cpuSeconds * 1_000_000 - 500_000 { return .cpuUsedUp }
    return .signalled(status - 256)
  }

  private func pipe() throws -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    guard slipway_pipe(&ends) == 0 else { throw failure("make a pipe") }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    return (ends[0], ends[1])
  }

  private func spawn(_ descriptors: [Int32], _ program: Int32, _ landlock: Int32, _ started: inout slipway_child, _ doing: inout String)
    -> Int32
  {
    let words = [child.program] + child.arguments
    // Nothing of ours: an environment may carry passwords.
    let environment = ["PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/"]
    let lists = [words, environment].map { list in list.map { strdup($0) } }
    defer { for text in lists.joined() { free(text) } }
    let pointers = lists.map { $0 + [nil] }
    var stage: UnsafePointer<CChar>?
    let code = pointers[0].withUnsafeBufferPointer { arguments in
      pointers[1].withUnsafeBufferPointer { environment in
        descriptors.withUnsafeBufferPointer { descriptors in
          var spec = slipway_child_spec(
            executable: program, arguments: arguments.baseAddress, environment: environment.baseAddress,
            descriptors: descriptors.baseAddress,
            count: descriptors.count, landlock: landlock, address_space: UInt64(clamping: child.addressSpace),
            cpu_seconds: UInt64(clamping: max(1, child.cpuSeconds)), file_size: 0, open_files: 64)
          return slipway_spawn(&spec, &started, &stage)
        }
      }
    }
    if code != 0, let stage {
      let number = errno
      doing = String(cString: stage)
      errno = number
    }
    return code
  }

  private func failure(_ doing: String) -> SlipwayError {
    let reason = String(cString: strerror(errno))
    return SlipwayError(
      .ioError, "cannot start \(child.program): \(doing): \(reason)", object: child.program,
      hint: "check that it is installed and can be run")
  }
}

internal import Glibc
internal import Model
internal import NBD
internal import Runtime
internal import Sandbox

/// `qemu-img`, kept in a sandbox: it parses what strangers wrote, so it gets sockets to what it may read and write, and nothing else.
struct ConfinedQemuImg: Sendable {
  /// Absolute path.
  let program: String
  /// The most that one run may take on the clock.
  let wall: Duration
  /// The image, for sentences.
  let object: String

  /// How long it may ask for nothing while nothing is under way for it.
  static let stall = Duration.seconds(60)
  /// Memory of one connection.
  private static let memory = 4 << 20

  /// Finds it. Throws `configuration` where it is not installed.
  static func find(path: String?, wall: Duration, object: String) throws -> ConfinedQemuImg {
    guard let program = Sandbox.find("qemu-img", path: path ?? "/usr/bin:/bin") else {
      throw SlipwayError(
        .configuration, "qemu-img, which \(object) needs to be converted, is not installed", object: object,
        hint: "install qemu-utils (see: slipway doctor), or convert the image to raw or qcow2 and upload that")
    }
    return ConfinedQemuImg(program: program, wall: wall, object: object)
  }

  /// What one run came to.
  struct Run: Sendable {
    var output: [UInt8]
    var held: Confinement
  }

  /// Runs it with a socket for each of `exports`: its descriptors 3, 4, …. `beside` runs at the same time and is told how the run ended; the first of the
  /// two to fail ends the other, and its error is the one that is thrown.
  ///
  /// Throws an export's own error where that was the reason; `format_refused` for what qemu-img does not take, `timeout` for a run that was ended.
  func run(
    _ arguments: [String], _ exports: [NBDExport], cpuSeconds: Int64, deadline: Deadline, doing: String,
    beside: (@Sendable () async throws -> Void)? = nil, ended: @escaping @Sendable ((any Error)?) -> Void = { _ in }
  ) async throws -> Run {
    let activity = NBDActivity()
    let control = ChildControl()
    var limits = NBDLimits()
    limits.idle = nil
    limits.longest = 1 << 20
    var child = Child(program, arguments)
    child.addressSpace = 2 << 30
    child.cpuSeconds = cpuSeconds
    child.wall = min(wall, deadline.remaining ?? wall)
    var servers: [Task<Void, any Error>] = []
    do {
      for export in exports {
        let (ours, theirs) = try NBDSocket.pair()
        child.descriptors.append(theirs)
        let server = NBDServer(export, on: ours, limits: limits, budget: ByteBudget(capacity: Self.memory), activity: activity)
        servers.append(Task { try await server.run() })
      }
    } catch {
      for descriptor in child.descriptors { close(descriptor) }
      for server in servers { server.cancel() }
      throw error
    }
    let watch = Task {
      while true {
        try await Task.sleep(for: .seconds(1))
        if activity.idle > Self.stall { control.end() }
      }
    }
    let work = beside.map { beside in
      Task {
        do {
          try await beside()
        } catch {
          control.end()
          throw error
        }
      }
    }
    let prepared = child
    let outcome = await withTaskCancellationHandler {
      await Result.of { try await Sandbox.run(prepared, control: control) }
    } onCancel: {
      work?.cancel()
    }
    watch.cancel()
    let failure = Result { try judge(try outcome.get(), prepared, activity, deadline, doing) }.failure
    // What runs beside learns how this ended, and only then ends itself.
    ended(failure)
    let besideFailure = await work?.result.failure
    for server in servers { server.cancel() }
    for server in servers { _ = await server.result }
    try Task.checkCancellation()
    // The other one's error is only the echo of this one, unless it came first.
    if let first = besideFailure, failure == nil || Self.isEnded(outcome) { throw first }
    if let failure { throw failure }
    let result = try outcome.get()
    return Run(output: result.output, held: result.held)
  }

  /// Whether it ended because somebody ended it.
  private static func isEnded(_ outcome: Result<ChildResult, any Error>) -> Bool {
    switch outcome {
    case .success(let result): result.end == .ended
    case .failure(let error): error is CancellationError
    }
  }

  /// Throws what the end of a run means.
  private func judge(_ result: ChildResult, _ child: Child, _ activity: NBDActivity, _ deadline: Deadline, _ doing: String) throws {
    if result.isSuccess, activity.failure == nil { return }
    if let cause = activity.failure { throw cause }
    let said = result.complaint.isEmpty ? "" : ": \(result.complaint)"
    let hint = "convert the image to raw or qcow2 yourself and upload that"
    switch result.end {
    case .exited:
      throw SlipwayError(.formatRefused, "qemu-img cannot \(doing) \(object)\(said)", object: object, hint: hint)
    case .signalled(let number):
      throw SlipwayError(
        .formatRefused, "qemu-img crashed (signal \(number)) when it was to \(doing) \(object)\(said)", object: object, hint: hint)
    case .cpuUsedUp:
      throw SlipwayError(
        .formatRefused, "qemu-img was ended after \(child.cpuSeconds) s of CPU time, when it was to \(doing) \(object)", object: object,
        hint: hint)
    case .late:
      try deadline.check("qemu-img was to \(doing) \(object)")
      throw SlipwayError(
        .timeout, "qemu-img was ended after \(wall.components.seconds) s, when it was to \(doing) \(object)", object: object,
        hint: "give it more time with limits.convert_time", cause: ConversionEnded())
    case .ended:
      throw SlipwayError(
        .timeout, "qemu-img was ended when it was to \(doing) \(object): it did nothing for \(Self.stall.components.seconds) s",
        object: object,
        hint: "try again; if it stays so, convert the image to raw or qcow2 yourself", cause: ConversionEnded())
    }
  }

  /// Its own version, as `qemu-img 7.2.22`.
  func version() async throws -> (text: String, held: Confinement) {
    var child = Child(program, ["--version"])
    child.wall = min(wall, .seconds(30))
    child.cpuSeconds = 10
    let result = try await Sandbox.run(child)
    guard result.isSuccess else {
      throw SlipwayError(.ioError, "\(program) --version ended with \(result.end): \(result.complaint)", object: program)
    }
    let line = String(decoding: result.output.prefix { $0 != 10 }.prefix(200), as: UTF8.self)
    let words = line.split(separator: " ")
    let number = words.firstIndex(of: "version").flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil } ?? "of unknown version"
    return ("qemu-img \(number)", result.held)
  }
}

/// The cause of a timeout that is no source's: another one would not mend it.
struct ConversionEnded: Error {}

extension Result where Failure == any Error {
  /// What `body` returned or threw.
  static func of(_ body: () async throws -> Success) async -> Result {
    do {
      return .success(try await body())
    } catch {
      return .failure(error)
    }
  }

  /// The error, nil for success.
  var failure: (any Error)? {
    if case .failure(let error) = self { error } else { nil }
  }
}

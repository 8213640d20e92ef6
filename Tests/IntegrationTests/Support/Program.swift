import Foundation
import Model
import Runtime
import Testing

/// How a program ended and what it printed.
struct Ending: Sendable {
  /// The exit code; -1 for a program that a signal ended, which is never right.
  let status: Int32
  let output: String
  let errors: String
  let seconds: Double
}

/// A program that runs beside the test: it is waited for without blocking a cooperative thread, can be interrupted, and is killed after `limit`.
final class Program: Sendable {
  let pid: Int32
  private let ending: Task<Ending, any Error>
  // Kept as long as the program runs, since Foundation watches it through this object.
  private let process: Locked<Process>

  /// Starts a program with exactly this environment.
  static func start(
    _ executable: String, _ arguments: [String], environment: [String: String], directory: String? = nil, limit: Duration = .seconds(100)
  ) throws -> Program {
    try Program(executable, arguments, environment, directory, limit)
  }

  private init(
    _ executable: String, _ arguments: [String], _ environment: [String: String], _ directory: String?, _ limit: Duration
  ) throws {
    let place = NSTemporaryDirectory() + "slipway-out-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let (out, err) = (place + "/out", place + "/err")
    for path in [out, err] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = environment
    if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
    process.standardOutput = FileHandle(forWritingAtPath: out)
    process.standardError = FileHandle(forWritingAtPath: err)
    process.standardInput = FileHandle.nullDevice
    let done = Handoff<Int32>()
    process.terminationHandler = { process in
      done.fulfill(.success(process.terminationReason == .exit ? process.terminationStatus : -1))
    }
    let start = ContinuousClock.now
    try process.run()
    let pid = process.processIdentifier
    self.pid = pid
    self.process = Locked(process)
    ending = Task {
      let watchdog = Task {
        try await Task.sleep(for: limit)
        kill(pid, SIGKILL)
      }
      let status = try await done.value()
      watchdog.cancel()
      let passed = ContinuousClock.now - start
      let texts = try [out, err].map { String(decoding: try Data(contentsOf: URL(fileURLWithPath: $0)), as: UTF8.self) }
      try? FileManager.default.removeItem(atPath: place)
      return Ending(
        status: status, output: texts[0], errors: texts[1],
        seconds: Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18)
    }
  }

  /// Ctrl-C.
  func interrupt() { if !hasEnded { kill(pid, SIGINT) } }

  /// How it ended, once it has.
  func wait() async throws -> Ending { try await ending.value }

  /// The names of its threads.
  var threads: [String] {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
    return tasks.compactMap { try? String(contentsOfFile: "/proc/\(pid)/task/\($0)/comm", encoding: .utf8) }
  }

  /// Whether it has ended, and been waited for.
  var hasEnded: Bool { !FileManager.default.fileExists(atPath: "/proc/\(pid)") }

  /// Whether SIGINT would reach a handler of its own by now (`SigCgt` of `/proc/PID/status`).
  var catchesSignals: Bool {
    let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
    let mask = line.flatMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) } ?? 0
    return mask & UInt64(1 << (SIGINT - 1)) != 0
  }

  /// Whether it has a file open whose path contains `part`.
  func hasOpen(_ part: String) -> Bool { !open(part).isEmpty }

  /// The files of `/proc/PID/fd` whose paths contain `part`.
  private func open(_ part: String) -> [String] {
    let directory = "/proc/\(pid)/fd"
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).map { "\(directory)/\($0)" }
    return names.filter { (try? FileManager.default.destinationOfSymbolicLink(atPath: $0))?.contains(part) == true }
  }

  /// Stops it (SIGSTOP) once it has a file open whose path contains `part`. False, and it runs on, if `bytes` of that were written already, or it
  /// has ended; then somebody else had the machine, and it may be tried again. `resume` wakes it.
  func freeze(writing part: String, before bytes: Int64) async throws -> Bool {
    try await eventually("\(part) is written") { hasOpen(part) || hasEnded }
    guard !hasEnded else { return false }
    kill(pid, SIGSTOP)
    try await eventually("it has stopped") { hasEnded || isStopped }
    let written = open(part).map { path -> Int64 in
      var status = stat()
      return stat(path, &status) == 0 ? Int64(status.st_blocks) * 512 : .max
    }
    if let most = written.max(), most < bytes { return true }
    resume()
    return false
  }

  func resume() { if !hasEnded { kill(pid, SIGCONT) } }

  private var isStopped: Bool {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
    return text.drop { $0 != ")" }.dropFirst(2).first == "T"
  }
}

/// Waits for a condition, half a minute at most; what did not come is a failure.
func eventually(
  _ what: Comment, within limit: Duration = .seconds(30), location: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while ContinuousClock.now < end {
    if try condition() { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  Issue.record(what, sourceLocation: location)
  throw CancellationError()
}

import Foundation

/// What a program printed and how it ended.
struct CommandResult: Sendable {
  let name: String
  let status: Int32
  let output: String
  let errors: String

  @discardableResult
  func requireSuccess() throws -> CommandResult {
    guard status == 0 else { throw CommandFailure(description: "\(name) ended with \(status): \(errors)") }
    return self
  }
}

/// A program that did not succeed. Not an issue by itself: cleaning up may fail.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String
}

/// Runs programs; blocking, so call it from tests only.
enum Command {
  static func run(_ program: String, _ arguments: [String], environment: [String: String] = [:], seconds: Int = 120) throws -> CommandResult
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["timeout", "-k", "5", "\(seconds)", program] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let directory = NSTemporaryDirectory() + "slipway-cmd-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    // Files, not pipes: a program that prints much must not wait for a reader.
    let (out, err) = (directory + "/out", directory + "/err")
    for path in [out, err] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: out)
    process.standardError = FileHandle(forWritingAtPath: err)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return CommandResult(
      name: program, status: process.terminationStatus, output: try String(contentsOfFile: out, encoding: .utf8),
      errors: try String(contentsOfFile: err, encoding: .utf8))
  }
}

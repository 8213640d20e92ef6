import Foundation
import Runtime
import Testing

/// Runs qemu-img, the judge of what we write and the maker of what we read; on owned threads, with a timeout.
enum QemuImg {
  struct Outcome: Sendable {
    let status: Int32
    let output: String
  }

  private static let pool = WorkerPool(name: "qemu-img", threads: 2)

  /// Runs it to its end, whatever that is.
  static func attempt(_ arguments: [String], program: String = "qemu-img") async throws -> Outcome {
    try await pool.runAlways {
      let scratch = try Scratch()
      let log = scratch.file("log")
      _ = FileManager.default.createFile(atPath: log, contents: nil)
      let handle = FileHandle(forWritingAtPath: log)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["timeout", "-k", "5", "50", program] + arguments
      process.standardOutput = handle
      process.standardError = handle
      process.standardInput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return Outcome(status: process.terminationStatus, output: try String(contentsOfFile: log, encoding: .utf8))
    }
  }

  /// Runs it and expects success.
  @discardableResult
  static func run(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    let outcome = try await attempt(arguments)
    try #require(outcome.status == 0, "qemu-img \(arguments): \(outcome.output)", sourceLocation: sourceLocation)
    return outcome.output
  }

  /// Writes into an image as a guest would, with one command of qemu-io.
  static func io(_ command: String, _ path: String) async throws {
    let outcome = try await attempt(["-f", "qcow2", "-c", command, path], program: "qemu-io")
    try #require(outcome.status == 0, "qemu-io \(command): \(outcome.output)")
  }

  /// What `qemu-img info` says of a qcow2.
  struct Info: Decodable, Sendable {
    let virtualSize: Int64
    let backingFile: String?
    let backingFormat: String?

    enum CodingKeys: String, CodingKey {
      case virtualSize = "virtual-size"
      case backingFile = "backing-filename"
      case backingFormat = "backing-filename-format"
    }
  }

  static func info(_ path: String) async throws -> Info {
    let output = try await run("info", "-f", "qcow2", "--output=json", path)
    return try JSONDecoder().decode(Info.self, from: Data(output.utf8))
  }
}

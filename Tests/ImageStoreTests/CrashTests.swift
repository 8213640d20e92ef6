import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

/// Kills processes that publish, evict and verify, at many moments, and looks at what they leave.
@Suite(.timeLimit(.minutes(2))) struct CrashTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A worker that has begun. Its output goes to a file: a pipe that nobody reads would stop it.
  private func worker(_ seed: String) throws -> Process {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("StoreWorker")
    process.arguments = [scratch.storePath, seed]
    let path = "\(scratch.path)/output-\(seed)"
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try process.run()
    return process
  }

  private func output(_ seed: String) -> [String] {
    let text = (try? String(contentsOfFile: "\(scratch.path)/output-\(seed)", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map(String.init)
  }

  @Test(arguments: [UInt64(1), 1000]) func whateverIsKilledLeavesWholeBasesAndNothingAfterTheSweep(first: UInt64) async throws {
    for round in 0..<8 {
      // Two at once, on the same few bases.
      let seed = first + UInt64(round) * 2
      let seeds = ["\(seed)", "\(seed + 1)"]
      let workers = try seeds.map { try worker($0) }
      for seed in seeds { while output(seed).isEmpty { try await Task.sleep(for: .milliseconds(2)) } }
      // Seeded, and spread over the steps of a few bases.
      try await Task.sleep(for: .microseconds(Int((seed &* 2_654_435_761) % 60_000)))
      for worker in workers { kill(worker.processIdentifier, SIGKILL) }
      for worker in workers { worker.waitUntilExit() }
      for seed in seeds { #expect(output(seed) == ["ready"]) }
      try await look()
    }
  }

  private func look() async throws {
    let store = try await scratch.open()
    try await store.sweep()
    for entry in try await store.list() {
      let record = try #require(entry.state.record, "\(entry)")
      let report = try await store.verify(record.name, context: scratch.context)
      #expect(report.verdict == .sound)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: entry.path))
      let number = try #require(bytes.first)
      #expect(bytes == Data(repeating: number, count: Int(number) * 100_000))
    }
    let bases = scratch.names("bases")
    for directory in ["tmp", "leases"] { #expect(scratch.names(directory) == []) }
    let beside = bases.flatMap { ["\($0).blocks", "\($0).json"] }
    #expect(scratch.names("meta") == beside.sorted())
    for name in scratch.names("locks") where name.hasSuffix(".work") { #expect(bases.contains(String(name.dropLast(5)))) }
    // The index says what the directory says.
    let listed = try await store.list(sortedBy: .name).map(\.name.text)
    #expect(listed == bases)
    #expect(try await store.sweep() == 0)
    await store.close()
  }

  @Test func whoWaitsSeesAnotherProcessesWorkAndTakesOverWhenItIsKilled() async throws {
    let store = try await scratch.open()
    let name = try identity(1).name
    let process = try worker("hold")
    while output("hold").isEmpty { try await Task.sleep(for: .milliseconds(2)) }
    let seen = Locked<WorkStatus?>(nil)
    let context = scratch.context
    let waiter = Task { try await store.lock(name, context: context) { wait in seen.with { $0 = wait.work ?? $0 } } }
    while seen.with({ $0 }) == nil { try await Task.sleep(for: .milliseconds(2)) }
    let work = seen.with { $0 }
    #expect(work?.owner.pid == process.processIdentifier)
    #expect(work?.position == 1 && work?.total == 2)
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    let lock = try await waiter.value
    #expect(try await store.work(on: name) == nil)
    lock.release()
    await store.close()
  }
}

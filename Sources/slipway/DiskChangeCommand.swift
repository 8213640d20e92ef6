internal import Agent
internal import ArgumentParser
internal import Disks
internal import Model
internal import Runtime
internal import Wire

struct DiskResize: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resize", abstract: "Make a disk larger; a running machine is told.",
    usage: "slipway disk resize <name> <size> [<options>]")

  @Argument(help: "The disk's name.") var name: String
  @Argument(help: ArgumentHelp("Its new size, 40G say; never less than it has.", valueName: "size")) var size: SizeArgument
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (name, size, json, quiet) = (name, size, options.json, options.quiet)
    try await Session.run(options, deadline: deadline) { session in
      let start = ContinuousClock.now
      let change = try await session.agent.resizeDisk(DiskName(name), to: size.bytes(), context: session.context)
      if json { return try Output.document(DiskChangeDocument(change, "resized", ContinuousClock.now - start)) }
      if !quiet { Output.note("disk \(name) \(change.isChanged ? "has now" : "had") \(change.info.size)\(change.toldWhom)") }
    }
  }
}

struct DiskFlatten: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flatten", abstract: "Make a disk stand alone: without its image's snapshot, or without its base.",
    usage: "slipway disk flatten <name> [<options>]")

  @Argument(help: "The disk's name.") var name: String
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (name, json, quiet) = (name, options.json, options.quiet)
    try await Session.run(options, deadline: deadline, progress: true) { session in
      let start = ContinuousClock.now
      let change = try await session.agent.flattenDisk(DiskName(name), context: session.context)
      session.context.progress(Progress(phase: .done))
      if json { return try Output.document(DiskChangeDocument(change, "flattened", ContinuousClock.now - start)) }
      if !quiet { Output.note("disk \(name) \(change.isChanged ? "stands alone now" : "stood alone already")\(change.toldWhom)") }
    }
  }
}

extension DiskChange {
  /// For people.
  fileprivate var toldWhom: String { domains.isEmpty ? "" : "; told: \(domains.joined(separator: ", "))" }
}

extension DiskChangeDocument {
  fileprivate init(_ change: DiskChange, _ done: String, _ duration: Duration) {
    self.init(
      name: change.info.record.name.text, path: change.info.path, size: change.info.size.bytes,
      base: change.info.record.request.target == .qcow2 ? change.info.record.base : nil,
      outcome: change.isChanged ? done : "unchanged", domains: change.domains, seconds: duration.seconds)
  }
}

internal import AgentAPI
internal import ArgumentParser
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
    try await Session.work(options, deadline: deadline) { engine, context in
      let change = try await engine.resizeDisk(name, to: try size.bytes().bytes, context)
      if json { return try Output.document(change) }
      if !quiet { Output.note("disk \(name) \(change.isChanged ? "has now" : "had") \(ByteCount(change.size))\(change.toldWhom)") }
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
    try await Session.work(options, deadline: deadline, progress: true) { engine, context in
      let change = try await engine.flattenDisk(name, context)
      context.progress(Progress(phase: .done))
      if json { return try Output.document(change) }
      if !quiet { Output.note("disk \(name) \(change.isChanged ? "stands alone now" : "stood alone already")\(change.toldWhom)") }
    }
  }
}

extension DiskChangeDocument {
  /// Whether anything had to be done.
  fileprivate var isChanged: Bool { outcome != "unchanged" }
  /// For people.
  fileprivate var toldWhom: String { domains.isEmpty ? "" : "; told: \(domains.joined(separator: ", "))" }
}

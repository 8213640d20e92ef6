internal import Agent
internal import AgentAPI
internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import ImageStore
internal import Model
internal import Runtime
internal import Wire

struct PrewarmCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prewarm",
    abstract: "Bring images into the store before they are needed; one that fails does not stop the rest.",
    usage: """
      slipway prewarm <image> ... [<options>]
      slipway prewarm --tag <tag> | --set <name> [<options>]
      slipway prewarm --from <file> | --all-public [<options>]
      """,
    discussion: "Run it again after an interruption: what is here already is 'cached'. Exit code 8 says that some images failed.")

  @Argument(help: ArgumentHelp("Image ids or unique names.", valueName: "image")) var images: [String] = []
  @Option(name: .long, help: "All active images with this tag.") var tag: String?
  @Option(
    name: .long, help: ArgumentHelp("Ids or names from a file, one a line, '#' begins a comment; '-' is standard input.", valueName: "file")
  )
  var from: String?
  @Option(name: .long, help: ArgumentHelp("A set of the configuration (prewarm.sets).", valueName: "name")) var set: String?
  @Flag(name: .long, help: "All public images, hidden ones left out.") var allPublic = false
  @Option(name: .long, help: ArgumentHelp("Images at once (default: prewarm.jobs).", valueName: "n")) var jobs: Int?
  @Option(name: .long, help: ArgumentHelp("Bytes per second over all, 200M say (default: prewarm.rate).", valueName: "rate")) var rate:
    SizeArgument?
  @Option(name: .long, help: ArgumentHelp("Format of the bases (default: store.base_format).", valueName: "format"))
  var format: BaseFormat?
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs is 1 at least") }
    let ways = [!images.isEmpty, tag != nil, from != nil, set != nil, allPublic].count { $0 }
    guard ways == 1 else { throw ValidationError("name images, or give one of --tag, --set, --from and --all-public") }
  }

  func run() async throws {
    let command = self
    // Before there is anything to close in order: reading a terminal or a pipe may take for ever, and Ctrl-C then ends the process.
    let wanted = try wanted()
    // What the deadline cut off ends by itself, and everything is told then.
    try await Session.work(options, deadline: deadline, grace: .seconds(15), progress: true) { engine, context in
      var wanted = wanted
      wanted.rate = try command.rate.map { try $0.bytes().bytes }
      let quiet = command.options.json || command.options.quiet
      let told: @Sendable (PrewarmDocument.Entry) -> Void = { outcome in
        if !quiet {
          Output.line(Self.line(outcome))
        } else if !command.options.json, let error = outcome.error {
          Output.report(error.slipwayError, json: false)
        }
      }
      let document: PrewarmDocument
      if let local = engine as? AgentEngine {
        document = try await local.prewarm(wanted, context, done: told)
      } else {
        document = try await engine.prewarm(wanted, context)
        for outcome in document.images { told(outcome) }
      }
      if command.options.json {
        try Output.document(document)
      } else if !command.options.quiet {
        let counts = ["fetched", "cached", "skipped", "failed"].map { "\(document.counts[$0] ?? 0) \($0)" }.joined(separator: ", ")
        if document.images.isEmpty { Output.note("no image was chosen: check the tag, and which images are visible") }
        Output.note("\(counts), \(document.seconds) s")
      }
      let isLate = document.images.contains { $0.outcome == "skipped" && $0.error?.code == ErrorCode.timeout.rawValue }
      if isLate || document.counts["failed"] ?? 0 > 0 { throw ExitCode(ErrorCode.batchFailed.exitCode) }
    }
  }

  private static func line(_ outcome: PrewarmDocument.Entry) -> String {
    let word = outcome.outcome.padding(to: 8)
    if let error = outcome.error { return "\(word) \(outcome.image)  \(error.message)" }
    let how = outcome.route.map { "  by \($0), \(ByteCount(outcome.bytes?.written ?? 0)) written" } ?? ""
    return "\(word) \(outcome.image)\(how)"
  }

  private func wanted() throws -> PrewarmRequestDocument {
    var request = PrewarmRequestDocument()
    (request.tag, request.set, request.allPublic) = (tag, set, allPublic ? true : nil)
    (request.format, request.jobs) = (format?.rawValue, jobs)
    if let from {
      let lines = String(decoding: try Self.contents(from), as: UTF8.self).split(whereSeparator: \.isNewline)
      let names = lines.map { $0.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
      guard !names.isEmpty else {
        throw SlipwayError(.usage, "the list '\(from)' names no image", object: from, hint: "put one id or name on a line")
      }
      request.images = names
    } else if !images.isEmpty {
      request.images = images
    }
    for image in request.images ?? [] { _ = try ImageReference(parsing: image) }
    return request
  }

  /// The bytes of a list, also of a pipe or a device.
  private static func contents(_ path: String) throws -> Data {
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    let handle = descriptor < 0 ? nil : FileHandle(fileDescriptor: descriptor, closeOnDealloc: path != "-")
    do {
      if let data = try handle?.readToEnd() { return data }
      if handle != nil { return Data() }
    } catch {
      // errno tells why, as for a file that cannot be opened.
    }
    throw SlipwayError(
      .usage, "the list '\(path)' cannot be read: \(String(cString: strerror(errno)))", object: path,
      hint: "check the path given with --from")
  }
}

struct MaintenanceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maintenance", abstract: "Stop cleaning, scrubbing and prewarming on this host, or let them go on.",
    usage: "slipway maintenance on|off [<options>]")

  enum Switch: String, ExpressibleByArgument, CaseIterable { case on, off }

  @Argument(help: ArgumentHelp("on or off.", valueName: "on|off")) var state: Switch
  @Option(name: .long, help: ArgumentHelp("Why, for whoever finds it stopped.", valueName: "note")) var note: String?
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (state, note, json, quiet) = (state, note, options.json, options.quiet)
    try await Session.run(options) { session in
      let maintenance = try await session.agent.setMaintenance(state == .on, note: note, context: session.context)
      if json { return try Output.document(MaintenanceDocument(maintenance: maintenance != nil, note: maintenance?.note)) }
      if quiet { return }
      Output.note(state == .on ? "cleaning, scrubbing and prewarming are stopped on this host" : "cleaning, scrubbing and prewarming go on")
    }
  }
}

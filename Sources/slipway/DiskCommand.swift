internal import Runtime
internal import LibvirtReport
internal import Agent
internal import ArgumentParser
internal import Disks
internal import Model
internal import Wire

struct DiskCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disk", abstract: "Make, show, change and delete the disks of instances.",
    subcommands: [DiskCreate.self, DiskList.self, DiskShow.self, DiskDelete.self, DiskResize.self, DiskFlatten.self, DiskUpload.self])
}

struct DiskCreate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a disk of an image; the same request again answers it.",
    usage: "slipway disk create <name> --image <image> [<options>]",
    discussion: "Prints where the disk lies: POOL/IMAGE, or a path.")

  @Argument(help: "The disk's name.") var name: String
  @Option(name: .long, help: ArgumentHelp("Id, unique name, path or URL; see: slipway --help.", valueName: "image")) var image: String
  @Option(name: .long, help: ArgumentHelp("Size of the disk, 20G say (default: the image's virtual size).", valueName: "size"))
  var size: SizeArgument?
  @Option(name: .long, help: "What it is made on (default: disks.target).") var target: Target?
  @OptionGroup var tier: TierOption
  @OptionGroup var source: ImageOptions
  @OptionGroup var element: DiskElementOptions
  @Option(name: .long, help: ArgumentHelp("Attach it to this domain of libvirt.", valueName: "domain")) var attach: String?
  @Option(name: .long, help: "What of the domain gets it: live (as it runs), persistent (its definition) or both.")
  var attachMode: DiskAttachment.Mode = .both
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (name, image, size, target, source, tier) = (name, image, size, target, source, tier)
    let (element, domain, mode) = (element, attach, attachMode)
    let choices = try element.choices()
    let (json, quiet) = (options.json, options.quiet)
    try await Session.run(options, deadline: deadline, progress: true) { session in
      let request = try tier.put(into: source.request(image, environment: session.environment))
      let answer = try await session.agent.createDisk(
        DiskName(name), from: request, target: target, size: size.map { try $0.bytes() },
        context: session.context)
      var view = try await element.view(of: answer.info, choices, session)
      var attachment: DiskAttachment?
      if let domain {
        let made = try await session.agent.attach(
          answer.info, to: domain, mode: mode, choices: choices, isFirm: element.device != nil, context: session.context)
        view?.choices.device = made.device
        attachment = made
      }
      session.context.progress(Progress(phase: .done))
      if json {
        var document = DiskDocument(answer.info, outcome: answer.outcome, route: answer.route, seconds: answer.duration.seconds)
        document.libvirt = view.map { DiskDocument.LibvirtView($0, attachment) }
        try Output.document(document)
      } else {
        Output.line(element.xml ? view?.xml ?? "" : answer.info.path)
        let how =
          answer.outcome == .existing
          ? "is there already" : "made" + (answer.route.map { " by \($0.rawValue)" } ?? " on a base that was here")
        if !quiet {
          Output.note("disk \(name) \(how): \(answer.info.size), \(answer.duration.seconds) s")
          if let attachment { Output.note("attached to domain \(attachment.domain) as \(attachment.device)") }
        }
      }
    }
  }
}

struct DiskList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the disks that Slipway made.", usage: "slipway disk list [<options>]")

  @OptionGroup var options: CommonOptions

  func run() async throws {
    let json = options.json
    try await Session.run(options) { session in
      var (disks, unreadable, failed) = await session.agent.disks(context: session.context)
      try Task.checkCancellation()
      var use: DiskUse?
      do {
        use = try await session.agent.use(of: disks, context: session.context)
      } catch {
        failed.append(SlipwayError.wrap(error))
      }
      try Task.checkCancellation()
      if json {
        let leftovers = use?.leftovers.map { DiskListDocument.Leftover(kind: $0.kind.rawValue, path: $0.path, domain: $0.domain) }
        let documents = disks.map { info in
          var document = DiskDocument(info)
          document.domains = use?.domains[info.path]
          return document
        }
        try Output.document(
          DiskListDocument(
            disks: documents, leftovers: leftovers, unreadable: unreadable.map { ($0.path, $0.error) }, unavailable: failed))
      } else {
        Output.line(
          Table.text(
            ["NAME", "TARGET", "SIZE", "STATE", "CREATED", "IMAGE"] + (use == nil ? [] : ["DOMAINS"]),
            disks.map { info in
              [
                info.record.name.text, info.record.request.target.rawValue, info.size.description, info.state.rawValue,
                info.record.created, info.record.request.image,
              ] + (use.map { [$0.domains[info.path]?.joined(separator: ",") ?? ""] } ?? [])
            }))
        let leftovers = use?.leftovers ?? []
        for leftover in leftovers where leftover.kind != .noLocalDomain { Output.line(leftover.sentence) }
        let idle = leftovers.filter { $0.kind == .noLocalDomain }.count
        if idle > 0 { Output.line("\(idle) of \(disks.count) belong to no domain of this host; they may run elsewhere") }
        for image in unreadable { Output.note("\(image.path) may be a disk, and cannot be looked at: \(image.error.message)") }
        for error in failed { Output.report(error, json: false) }
      }
      if let first = failed.first { throw ExitCode(first.code.exitCode) }
    }
  }
}

struct DiskShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one disk.", usage: "slipway disk show <name> [<options>]")

  @Argument(help: "The disk's name.") var name: String
  @OptionGroup var element: DiskElementOptions
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (name, json, element) = (name, options.json, element)
    let choices = try element.choices()
    try await Session.run(options) { session in
      let info = try await session.agent.disk(DiskName(name), context: session.context)
      let view = try await element.view(of: info, choices, session)
      if json {
        var document = DiskDocument(info)
        document.libvirt = view.map { DiskDocument.LibvirtView($0, nil) }
        return try Output.document(document)
      }
      if element.xml { return Output.line(view?.xml ?? "") }
      let record = info.record
      let rows = [
        ("name", record.name.text), ("path", info.path), ("target", record.request.target.rawValue), ("size", info.size.description),
        ("state", info.state.rawValue), ("image", record.request.image), ("route", record.route.rawValue), ("source", record.source ?? "-"),
        ("base", record.base ?? "-"), ("created", record.created), ("made on", record.owner.host),
        ("verified", record.evidence.map { EvidenceDocument($0).line } ?? "-"),
      ]
      for (key, value) in rows { Output.line(Table.text([key.padding(to: 8), value], [])) }
    }
  }
}

struct DiskDelete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a disk; an absent one is success.", usage: "slipway disk delete <name> [<options>]")

  @Argument(help: "The disk's name.") var name: String
  @Flag(name: .long, help: "Take it off the domains that have it first.") var detach = false
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (name, json, quiet, detach) = (name, options.json, options.quiet, detach)
    try await Session.run(options, deadline: deadline) { session in
      let start = ContinuousClock.now
      let deleted = try await session.agent.deleteDisk(DiskName(name), detach: detach, context: session.context)
      if json { return try Output.document(DeletionDocument(name: name, deleted: deleted, seconds: (ContinuousClock.now - start).seconds)) }
      if !quiet { Output.note(deleted ? "disk \(name) deleted" : "there was no disk \(name)") }
    }
  }
}

extension DiskDocument {
  /// A disk's document; `outcome` and what belongs to it only from `create`.
  init(_ info: DiskInfo, outcome: DiskOutcome? = nil, route: Route? = nil, seconds: Double? = nil) {
    let record = info.record
    self.init(
      name: record.name.text, target: record.request.target, route: outcome == .created ? route : record.route, source: record.source,
      size: info.size.bytes, base: record.base, path: info.path, image: record.request.image, outcome: outcome?.rawValue,
      state: info.state.rawValue, created: record.created, evidence: record.evidence, seconds: seconds)
  }
}

extension String {
  /// Filled with spaces to `width`.
  func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

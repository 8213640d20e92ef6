internal import Runtime
internal import LibvirtReport
internal import AgentAPI
internal import ArgumentParser
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
    let (name, size, source, element) = (name, size, source, element)
    _ = try element.choices()
    let (json, quiet) = (options.json, options.quiet)
    var request = DiskRequestDocument(name: name, image: image)
    source.fill(&request)
    (request.target, request.tier) = (target?.rawValue, tier.tier)
    request.xml = element.xml ? true : nil
    (request.device, request.discard, request.detectZeroes) = (element.device, element.discard?.rawValue, element.detectZeroes?.rawValue)
    (request.attach, request.attachMode) = (attach, attach == nil ? nil : attachMode.rawValue)
    let wanted = request
    try await Session.work(options, on: [image], deadline: deadline, progress: true) { engine, context in
      var wanted = wanted
      wanted.size = try size.map { try $0.bytes().bytes }
      let document = try await engine.createDisk(wanted, token: source.token(), context)
      context.progress(Progress(phase: .done))
      if json {
        try Output.document(document)
      } else {
        Output.line(element.xml ? document.libvirt?.diskXML ?? "" : document.path)
        let how =
          document.outcome == "existing" ? "is there already" : "made" + (document.route.map { " by \($0)" } ?? " on a base that was here")
        if !quiet {
          Output.note("disk \(name) \(how): \(ByteCount(document.size)), \(document.seconds ?? 0) s")
          if let domain = document.libvirt?.domain { Output.note("attached to domain \(domain) as \(document.libvirt?.device ?? "-")") }
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
    try await Session.work(options) { engine, context in
      let document = try await engine.disks(context)
      let failed = document.unavailable.map(\.slipwayError)
      if json {
        try Output.document(document)
      } else {
        let isAsked = document.leftovers != nil
        Output.line(
          Table.text(
            ["NAME", "TARGET", "SIZE", "STATE", "CREATED", "IMAGE"] + (isAsked ? ["DOMAINS"] : []),
            document.disks.map { disk in
              [disk.name, disk.target, ByteCount(disk.size).description, disk.state, disk.created, disk.image]
                + (isAsked ? [disk.domains?.joined(separator: ",") ?? ""] : [])
            }))
        let leftovers = document.leftovers ?? []
        for leftover in leftovers where leftover.kind != "no_local_domain" { Output.line(leftover.sentence) }
        let idle = leftovers.filter { $0.kind == "no_local_domain" }.count
        if idle > 0 { Output.line("\(idle) of \(document.disks.count) belong to no domain of this host; they may run elsewhere") }
        for image in document.unreadable { Output.note("\(image.path) may be a disk, and cannot be looked at: \(image.error.message)") }
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
    _ = try element.choices()
    let wishes = element.wishes
    try await Session.work(options) { engine, context in
      let disk = try await engine.disk(name, element: wishes, context)
      if json { return try Output.document(disk) }
      if element.xml { return Output.line(disk.libvirt?.diskXML ?? "") }
      let rows = [
        ("name", disk.name), ("path", disk.path), ("target", disk.target), ("size", ByteCount(disk.size).description),
        ("state", disk.state), ("image", disk.image), ("route", disk.route ?? "-"), ("source", disk.source ?? "-"),
        ("base", disk.base ?? "-"), ("created", disk.created), ("made on", disk.madeOn ?? "-"),
        ("verified", disk.evidence?.line ?? "-"),
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
    try await Session.work(options, deadline: deadline) { engine, context in
      let document = try await engine.deleteDisk(name, detach: detach, context)
      if json { return try Output.document(document) }
      if !quiet { Output.note(document.outcome == "deleted" ? "disk \(name) deleted" : "there was no disk \(name)") }
    }
  }
}

extension String {
  /// Filled with spaces to `width`.
  func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

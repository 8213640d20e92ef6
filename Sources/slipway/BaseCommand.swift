internal import Agent
internal import ArgumentParser
internal import Foundation
internal import ImageStore
internal import Model
internal import OpenStack
internal import Runtime
internal import Wire

struct BaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "base", abstract: "Bring the bases that disks stand on.", subcommands: [BaseEnsure.self])
}

struct BaseEnsure: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ensure",
    abstract: "Bring the base that a migrated or restored disk needs: the same path, format and bytes as where it comes from.",
    usage: """
      slipway base ensure --for <overlay> [--image <image>]
                          [--from <path-or-url>] [<options>]
      """,
    discussion: """
      The disk's header tells its base. One that is here answers; else it comes by its image while the image service has that, and else from a \
      copy, such as the store of the host where the disk comes from. A copy is proved by the digest that the base's name stands for.
      """)

  @Option(name: .customLong("for"), help: ArgumentHelp("The disk: a qcow2 with a backing file.", valueName: "overlay")) var overlay: String
  @Option(name: .long, help: "The image that the base was made from, by id or unique name, where it is known.") var image: String?
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A copy of the base: a file, a store's directory, or their URL (a directory's ends in '/').", valueName: "path-or-url"))
  var from: String?
  @Option(
    name: .long, help: ArgumentHelp("The image's digest, for a copy without evidence, such as sha512:HEX.", valueName: "algorithm:hex"))
  var digest: String?
  @Option(
    name: .long, help: ArgumentHelp("The caller's token for the image service (better given as SLIPWAY_OS_TOKEN).", valueName: "token"))
  var osToken: String?
  @Option(name: .long, help: ArgumentHelp("Cleaning leaves the base alone for so long (default: 10m).", valueName: "duration"))
  var hold: DurationArgument?
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let command = self
    try await Session.run(options, deadline: deadline, progress: true) { session in
      let answer = try await session.agent.ensureBase(try command.request(session.environment), context: session.context)
      session.context.progress(Progress(phase: .done))
      let record = answer.base.record
      let held = answer.heldUntil.map { Date(timeIntervalSince1970: TimeInterval($0)).formatted(.iso8601) }
      if command.options.json {
        return try Output.document(
          EnsureDocument(
            overlay: answer.overlay, path: answer.base.path, format: record.identity.format.rawValue, virtualSize: record.virtualSize.bytes,
            image: answer.base.image, route: answer.base.route, bytes: answer.base.tally, evidence: record.evidence, heldUntil: held,
            seconds: answer.duration.seconds))
      }
      Output.line(answer.base.path)
      if command.options.quiet { return }
      let how = answer.base.route.map { "brought by \($0.rawValue) from \(record.source)" } ?? "is here"
      Output.note("\(how), kept \(held.map { "until \($0)" } ?? "by a pin"), \(answer.duration.seconds) s")
    }
  }

  private func request(_ environment: [String: String]) throws -> EnsureRequest {
    let token = (osToken ?? environment["SLIPWAY_OS_TOKEN"]).flatMap { $0.isEmpty ? nil : Secret($0) }
    return EnsureRequest(
      overlay: overlay, image: try image.map { try ImageReference(parsing: $0) }, from: from,
      digest: try digest.map { try Digest(parsing: $0) },
      token: token, hold: hold?.duration ?? .seconds(600))
  }
}

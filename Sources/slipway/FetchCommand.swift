internal import Runtime
internal import Agent
public import ArgumentParser
public import ImageStore
internal import Model
internal import Wire

struct FetchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch", abstract: "Bring an image into the local store as a verified base, or find it there.",
    usage: "slipway fetch <image> [<options>]",
    discussion: "Prints the path of the base.")

  @Argument(help: "Id, unique name, path or URL; see: slipway --help.") var image: String
  @Option(name: .long, help: ArgumentHelp("Format of the base (default: store.base_format).", valueName: "format"))
  var format: BaseFormat?
  @OptionGroup var source: ImageOptions
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (image, format, source, json, quiet) = (image, format, source, options.json, options.quiet)
    try await Session.run(options, deadline: deadline, progress: true) { session in
      let answer = try await session.agent.fetch(
        source.request(image, environment: session.environment), format: format, context: session.context)
      let document = FetchDocument(
        image: answer.image, path: answer.path, format: answer.record.identity.format.rawValue,
        virtualSize: answer.record.virtualSize.bytes,
        route: answer.route, outcome: answer.route == nil ? "hit" : "fetched", bytes: answer.tally, evidence: answer.record.evidence,
        seconds: answer.duration.seconds)
      session.context.progress(Progress(phase: .done))
      if json {
        try Output.document(document)
      } else {
        Output.line(answer.path)
        if !quiet { Output.note(Self.summary(document, answer.record.evidence)) }
      }
    }
  }

  private static func summary(_ document: FetchDocument, _ evidence: Evidence) -> String {
    let digest =
      switch evidence.verdict {
      case .matched: "\(evidence.expected?.algorithm.rawValue ?? "digest") verified"
      case .none: "no digest to compare with"
      case .pending: "the image service has no digest yet"
      }
    let signature = evidence.signatures?.isEmpty == false ? ", signature verified" : ""
    guard let route = document.route else {
      return "hit: \(ByteCount(document.virtualSize)) virtual, \(digest)\(signature), \(document.seconds) s"
    }
    return "fetched by \(route): \(ByteCount(document.virtualSize)) virtual, \(ByteCount(document.bytes.read)) read, "
      + "\(ByteCount(document.bytes.written)) written, \(digest)\(signature), \(document.seconds) s"
  }
}

extension BaseFormat: ExpressibleByArgument {}

internal import AgentAPI
public import ArgumentParser
public import ImageStore
internal import Model
internal import Runtime
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
    var request = FetchRequestDocument(image: image)
    request.format = format?.rawValue
    source.fill(&request)
    let wanted = request
    try await Session.work(options, on: [image], deadline: deadline, progress: true) { engine, context in
      let document = try await engine.fetch(wanted, token: source.token(), context)
      context.progress(Progress(phase: .done))
      if json {
        try Output.document(document)
      } else {
        Output.line(document.path)
        if !quiet { Output.note(Self.summary(document)) }
      }
    }
  }

  private static func summary(_ document: FetchDocument) -> String {
    let evidence = document.evidence
    let digest =
      switch evidence.digest {
      case "matched": "\(evidence.expected.map { String($0.prefix { $0 != ":" }) } ?? "digest") verified"
      case "none": "no digest to compare with"
      default: "the image service has no digest yet"
      }
    let signature = evidence.signatures.isEmpty == false ? ", signature verified" : ""
    guard let route = document.route else {
      return "hit: \(ByteCount(document.virtualSize)) virtual, \(digest)\(signature), \(document.seconds) s"
    }
    return "fetched by \(route): \(ByteCount(document.virtualSize)) virtual, \(ByteCount(document.bytes.read)) read, "
      + "\(ByteCount(document.bytes.written)) written, \(digest)\(signature), \(document.seconds) s"
  }
}

extension BaseFormat: ExpressibleByArgument {}

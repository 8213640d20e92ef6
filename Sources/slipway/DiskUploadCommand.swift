internal import Agent
internal import ArgumentParser
internal import Model
internal import OpenStack
internal import Runtime
internal import Wire

struct DiskUpload: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upload", abstract: "Make an image of a disk: by a clone where that can be, else by sending its bytes.",
    usage: "slipway disk upload <name> --image-name <text> [<options>]",
    discussion: "NAME is a disk, or POOL/IMAGE of a Cinder volume in a pool of cinder.backends. Prints the image's id.")

  @Argument(help: "The disk's name, or POOL/IMAGE.") var name: String
  @Option(name: .long, help: ArgumentHelp("The image's name.", valueName: "text")) var imageName: String
  @Option(name: .long, help: ArgumentHelp("The image's id; asked again, the same request answers the same image.", valueName: "id"))
  var imageId: String?
  @Option(name: .long, help: "The image's format (default: raw).") var diskFormat: UploadFormat = .raw
  @Option(name: .long, help: ArgumentHelp("A store of the image service (default: upload.store, else the service's own).", valueName: "id"))
  var store: String?
  @Option(name: .long, help: ArgumentHelp("private, shared, community or public (default: the image service's).", valueName: "word"))
  var visibility: String?
  @Option(name: .long, help: ArgumentHelp("A property of the image, once for each.", valueName: "key=value")) var property: [String] = []
  @Flag(name: .long, help: "Have the bytes of a clone hashed before the image can be used: here, and by the image service.") var hash =
    false
  @Flag(name: .long, help: "Have the guest's agent freeze its file systems while the snapshot is taken.") var quiesce = false
  @Option(
    name: .long,
    help: ArgumentHelp("The caller's token: the image is then the caller's (better given as SLIPWAY_OS_TOKEN).", valueName: "token"))
  var osToken: String?
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (json, quiet) = (options.json, options.quiet)
    let request = try request()
    try await Session.run(options, deadline: deadline, progress: true) { session in
      var request = request
      request.token = (osToken ?? session.environment["SLIPWAY_OS_TOKEN"]).flatMap { $0.isEmpty ? nil : Secret($0) }
      let answer = try await session.agent.upload(request, context: session.context)
      session.context.progress(Progress(phase: .done))
      if json { return try Output.document(UploadDocument(answer, request)) }
      Output.line(answer.image.text)
      if !quiet { for note in answer.notes { Output.note(note) } }
    }
  }

  private func request() throws -> UploadRequest {
    let visibilities = ["private", "shared", "community", "public"]
    if let visibility, !visibilities.contains(visibility) {
      throw SlipwayError(
        .usage, "'\(visibility)' is no visibility", object: visibility, hint: "one of: \(visibilities.joined(separator: ", "))")
    }
    var properties: [String: String] = [:]
    for text in property {
      guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
        throw SlipwayError(.usage, "'\(text)' is no property", object: text, hint: "write --property KEY=VALUE")
      }
      properties[String(text[..<sign])] = String(text[text.index(after: sign)...])
    }
    let id = try imageId.map { text in
      guard let id = ImageID(text) else {
        throw SlipwayError(.usage, "'\(text)' is no image id", object: text, hint: "an image id is a UUID, or leave --image-id out")
      }
      return id
    }
    return UploadRequest(
      source: try UploadSource(parsing: name), name: imageName, format: diskFormat, id: id, store: store, visibility: visibility,
      properties: properties, isHashed: hash, quiesces: quiesce)
  }
}

extension UploadAnswer {
  /// For people.
  fileprivate var notes: [String] {
    guard isCreated else { return ["image \(image) is there already"] }
    let how = route == .clone ? "by a clone" : "by sending \(ByteCount(bytes.virtual)) (no clone: \(detail ?? reason.rawValue))"
    var notes = ["image \(image) made of \(source) \(how): \(ByteCount(size)), \(duration.seconds) s"]
    if consistency == .crash { notes.append("it is what a loss of power would have left: a machine ran on the disk") }
    if route == .clone, digest == nil { notes.append("nobody has hashed its bytes yet; --hash has that done first") }
    if flatten == .pending { notes.append("the next cleaning frees it from its disk") }
    return notes
  }
}

extension UploadDocument {
  fileprivate init(_ answer: UploadAnswer, _ request: UploadRequest) {
    self.init(
      image: answer.image, name: request.name, source: answer.source, diskFormat: request.format.rawValue, route: answer.route,
      reason: answer.reason, detail: answer.detail, store: answer.store, location: answer.location, size: answer.size, bytes: answer.bytes,
      digest: answer.digest, consistency: answer.consistency, flatten: answer.flatten?.rawValue, base: answer.base,
      isCreated: answer.isCreated, seconds: answer.duration.seconds)
  }
}

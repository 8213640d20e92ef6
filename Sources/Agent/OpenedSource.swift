internal import Ceph
internal import Configuration
internal import Files
internal import HTTPClient
internal import Model
internal import OpenStack
internal import Planner
internal import Runtime
internal import Transfer
internal import Transports

/// The stored bytes of an image, opened by a chosen route.
struct OpenedSource: Sendable {
  enum Kind: Sendable {
    case random(any RandomAccessSource)
    case sequential(any SequentialSource)
  }
  var kind: Kind
  /// The local file beneath, where there is one.
  var file: File?
  /// Bytes of one object, where reads should not straddle two.
  var objectSize: Int64?
  /// Bytes that are likely to be written, nil when not known.
  var estimate: Int64?
  /// Throws `source_failed` when what was read had changed meanwhile; to be asked after the transfer and before the verdict.
  var prove: @Sendable () async throws -> Void = {}
  let close: @Sendable () async -> Void

  /// Size in bytes, nil while unknown.
  var size: Int64? {
    switch kind {
    case .random(let source): source.size
    case .sequential(let source): source.size
    }
  }

  /// Opens what `choice` says. Close it.
  static func open(_ choice: Choice, image: ResolvedImage, agent: Agent, context: RequestContext) async throws -> OpenedSource {
    switch choice.route {
    case .export:
      if choice.volume != nil { return try await agent.openVolume(choice, image, context) }
      return try await snapshot(choice, agent, context)
    case .file: return try await file(choice, agent)
    case .download:
      if let url = choice.location?.url { return try await download(url, choice.facts?.version, agent, context) }
      return try await serviceDownload(image, agent, context)
    case .clone, .baseClone, .cinderClone, .storeCopy:
      throw SlipwayError(.internalError, "route \(choice.route.rawValue) moves no bytes", object: image.key)
    }
  }

  private static func snapshot(_ choice: Choice, _ agent: Agent, _ context: RequestContext) async throws -> OpenedSource {
    guard let name = choice.cluster, let location = choice.rbd else { throw SlipwayError(.internalError, "an export names no snapshot") }
    let user = try agent.clusters.configured(name).imageUser
    let cluster = try await agent.clusters.connect(name, as: user, deadline: context.deadline)
    let source = try await RBDSource.open(location, in: cluster)
    do {
      if let version = choice.facts?.version, version != (try await source.version()) {
        throw SlipwayError(
          .sourceFailed, "snapshot \(location) was replaced while it was looked at", object: location.url, hint: "try again")
      }
      return OpenedSource(
        kind: .random(source), objectSize: source.objectSize, estimate: try await source.estimate(), close: { await source.close() })
    } catch {
      await source.close()
      throw error
    }
  }

  private static func file(_ choice: Choice, _ agent: Agent) async throws -> OpenedSource {
    guard let path = choice.path else { throw SlipwayError(.internalError, "a file route names no file") }
    return try await file(path, under: choice.root.map { [$0] }, version: choice.facts?.version, agent)
  }

  /// A local file under one of `roots` (nil: anywhere) that still is what `version` says of it.
  static func file(_ path: String, under roots: [String]?, version: String? = nil, _ agent: Agent) async throws -> OpenedSource {
    let workers = agent.files
    return try await workers.run {
      let file = try File.open(path, under: roots)
      do {
        let status = try file.status()
        if let version, version != Prober.version(of: status) {
          throw SlipwayError(.sourceFailed, "\(path) was replaced or changed while it was looked at", object: path, hint: "try again")
        }
        let size = try file.size()
        return OpenedSource(
          kind: .random(FileSource(file, size: size, workers: agent.data)), file: file,
          estimate: min(size, status.kind == .regular ? status.allocated : size),
          prove: { try await workers.run { try FileSource.proveUnchanged(file, since: status) } },
          close: {
            _ = try? await workers.runAlways { try file.close() }
          })
      } catch {
        try? file.close()
        throw error
      }
    }
  }

  /// What an HTTP server has at `url`.
  static func download(
    _ url: String, _ version: String?, _ agent: Agent, _ context: RequestContext
  ) async throws -> OpenedSource {
    let http = agent.http
    let shown = Location.redacted(url)
    @Sendable func open(from offset: Int64) async throws -> BodyStream {
      let stream = try await http.stream(
        HTTPRequest(.get, url, range: offset > 0 ? HTTPRange(first: offset) : nil, deadline: context.deadline))
      let status = stream.head.status
      guard status == 200 || status == 206 else {
        stream.close()
        let code: ErrorCode =
          switch status {
          case 401, 403: .permissionDenied
          case 404, 410: .sourceNotFound
          default: .sourceFailed
          }
        throw SlipwayError(code, "\(shown) answers HTTP \(status)", object: shown)
      }
      return stream
    }
    let first: BodyStream
    do {
      first = try await open(from: 0)
    } catch let error as HTTPError {
      if error.kind == .cancelled { throw CancellationError() }
      throw error.slipwayError(.sourceFailed)
    }
    if let version, version != first.head.validator {
      first.close()
      throw SlipwayError(.sourceFailed, "\(shown) changed while it was looked at", object: shown, hint: "try again")
    }
    let source = BodySource(object: shown, size: nil, first: first, open: open)
    return OpenedSource(kind: .sequential(source), close: { source.close() })
  }

  private static func serviceDownload(_ image: ResolvedImage, _ agent: Agent, _ context: RequestContext) async throws -> OpenedSource {
    guard let id = image.description.id else { throw SlipwayError(.internalError, "a download from the image service names no image") }
    let glance = try await agent.imageService()
    let (token, stores) = (image.token, agent.configuration.images.preferStores)
    @Sendable func open(from offset: Int64) async throws -> BodyStream {
      try await glance.openData(id: id, token: token, from: offset, preferring: stores, context: context).body
    }
    // An image's data never changes under its id.
    let source = BodySource(
      object: "image \(id)", size: image.description.size?.bytes, first: try await open(from: 0), isImmutable: true, open: open)
    return OpenedSource(kind: .sequential(source), close: { source.close() })
  }
}

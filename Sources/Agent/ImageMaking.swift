internal import HTTPClient
internal import Model
internal import OpenStack
internal import Runtime
internal import Transfer
internal import Transports

/// The image service's side of an upload.
struct ImageMaking: Sendable {
  /// The property by which an image is known to be an upload's.
  static let markKey = "slipway_upload"
  /// The property by which a request is known to be the same again.
  static let requestKey = "slipway_request"

  /// How an image stands before its bytes come.
  enum Begun: Sendable {
    /// It was made, or an earlier attempt's is taken over: it has no data.
    case empty(mark: String)
    /// The same request made it before.
    case existing(ImageDescription)
  }

  let agent: Agent
  let glance: GlanceClient
  let request: UploadRequest
  let id: ImageID
  /// See `Agent.mark`.
  let identity: String
  let context: RequestContext

  /// Makes the image without data. Throws `name_conflict` for an id that another request has.
  func begin(mark: String) async throws -> Begun {
    var properties = request.properties
    properties[Self.markKey] = mark
    properties[Self.requestKey] = identity
    let image = NewImage(
      id: id, name: request.name, diskFormat: request.format.rawValue, visibility: request.visibility, properties: properties)
    if try await glance.create(image, token: request.token, context: context) { return .empty(mark: mark) }
    let found = try await glance.properties(of: id, token: request.token, context: context)
    let conflict = SlipwayError(
      .nameConflict, "image id \(id) is another request's, or was one's that is deleted", object: id.text, hint: "choose another id")
    guard let found, found[Self.requestKey] == identity, let known = found[Self.markKey] else { throw conflict }
    switch found["status"] {
    case "active": return .existing(try await glance.image(id: id, token: request.token, locations: false, context: context))
    case "queued": return .empty(mark: known)
    default:
      throw SlipwayError(.imageNotReady, "image \(id) is \(found["status"] ?? "unknown")", object: id.text, hint: "try again")
    }
  }

  /// Removes the image if it is this upload's, with whatever data it has. Throws when that cannot be known or done.
  func remove(mark: String) async throws {
    guard let found = try await glance.properties(of: id, token: request.token, context: context), found[Self.markKey] == mark else {
      return
    }
    _ = try await glance.delete(id, token: request.token, context: context)
  }

  /// Waits until the image can be used; false when the service went back on it.
  func waitUntilActive() async throws -> Bool {
    var pause = Duration.milliseconds(20)
    var idle = 0
    while true {
      switch try await glance.registration(of: id, token: request.token, context: context) {
      case .active: return true
      case .underWay: idle = 0
      // Its task may not have begun.
      case .idle: idle += 1
      }
      if idle > 20 { return false }
      context.progress(Progress(phase: .publishing))
      try context.deadline.check("the image service looked at image \(id)")
      try await Task.sleep(for: pause)
      pause = min(pause * 3 / 2, .milliseconds(200))
    }
  }

  /// Sends the bytes of `source` while they are read, each once; what was moved, and their SHA-512. The last byte goes when `verdict` has not thrown: until
  /// then nobody can use the image.
  func send(
    _ source: any RandomAccessSource, store: String?, objectSize: Int64? = nil, verdict: @escaping @Sendable () async throws -> Void
  ) async throws -> (tally: ByteTally, digest: Digest) {
    let body = UploadBody(length: source.size)
    let digest = try DigestObserver(.sha512)
    let bytes = UploadBytes(body)
    let (agent, context) = (agent, context)
    let failure = Locked<(any Error)?>(nil)
    try await agent.transfers.take(1)
    defer { agent.transfers.give(1) }
    let tally = try await withTaskCancellationHandler {
      try await withThrowingTaskGroup(of: ByteTally?.self) { group in
        group.addTask {
          try await glance.upload(body, to: id, store: store, token: request.token, context: context)
          return nil
        }
        group.addTask {
          do {
            var options = TransferOptions()
            options.objectSize = objectSize
            let tally = try await Transfer.run(
              from: source, to: NoSink(), observers: [digest, bytes], options: options, budget: agent.budget,
              workers: agent.data, context: context)
            try await verdict()
            try await agent.data.run { try bytes.finish() }
            return tally
          } catch {
            // The exchange is over: what the service said is the reason, not that nobody took the bytes.
            if body.isClosed, !Task.isCancelled { return nil }
            failure.with { $0 = error }
            body.fail()
            throw error
          }
        }
        var tally: ByteTally?
        do {
          while let part = try await group.next() { tally = part ?? tally }
        } catch {
          body.fail()
          group.cancelAll()
          // An exchange that was given up says only that.
          throw failure.with { $0 } ?? error
        }
        return tally
      }
    } onCancel: {
      body.fail()
    }
    guard let tally else {
      throw SlipwayError(.sourceFailed, "the image service took only a part of image \(id)", object: id.text, hint: "try again")
    }
    return (tally, try digest.result())
  }

  /// Compares what the service stored with what was sent. Throws `digest_mismatch`, `size_mismatch`.
  func judge(size: Int64, digest: Digest) async throws {
    let image = try await glance.image(id: id, token: request.token, locations: false, context: context)
    guard image.status == .active else {
      throw SlipwayError(.sourceFailed, "image \(id) is \(image.status.rawValue) after its data was sent", object: id.text)
    }
    if let told = image.size, told.bytes != size {
      throw SlipwayError(.sizeMismatch, "image \(id) has \(told.bytes) bytes, and \(size) were sent", object: id.text)
    }
    if let told = image.digest, told.algorithm == digest.algorithm, told != digest {
      throw SlipwayError(.digestMismatch, "image \(id) has another digest than the bytes that were sent", object: id.text)
    }
  }
}

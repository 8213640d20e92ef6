internal import Agent
internal import Foundation
internal import Model
internal import OpenStack
internal import Runtime
internal import Wire

extension APIResponse {
  /// A document.
  static func json(_ document: some Encodable, _ status: Int = 200) throws -> APIResponse {
    APIResponse(status, Array(try WireCoding.text(document).utf8))
  }
}

/// Two requests for a disk of one name are one, where they are the same and come from the same caller.
private struct DiskIdentity: Hashable, Sendable {
  var request: DiskRequestDocument
  var token: Secret?
}

private struct FetchIdentity: Hashable, Sendable {
  var request: FetchRequestDocument
  var token: Secret?
}

extension API {
  func ready(_ call: Call) async throws -> APIResponse {
    var parts = await call.service.engine.parts(call.context)
    parts.insert(.init(name: "agent", ready: !operations.isDraining, detail: operations.isDraining ? "it is about to end" : nil), at: 0)
    let document = ReadinessDocument(parts: parts)
    return try .json(document, document.ready ? 200 : 503)
  }

  func metrics() throws -> APIResponse {
    APIResponse(200, type: "text/plain; version=0.0.4; charset=utf-8", Array((metricsText ?? "").utf8))
  }

  func describe(_ call: Call) throws -> APIResponse {
    try .json(
      AgentDocument(
        configuration: call.service.mark, store: call.service.store, state: operations.isDraining ? "draining" : "ready",
        operations: operations.active))
  }

  func plan(_ call: Call) async throws -> APIResponse {
    let request = try WireCoding.request(PlanRequestDocument.self, call.request.body)
    try allow(request, call)
    var context = call.context
    context.deadline = try Self.deadline(request.deadline)
    return try .json(try await call.service.engine.plan(request, token: call.token, context))
  }

  func createDisk(_ call: Call) async throws -> APIResponse {
    let request = try WireCoding.request(DiskRequestDocument.self, call.request.body)
    try request.check()
    try allow(request, call)
    let (engine, token) = (call.service.engine, call.token)
    return try await begin(.diskCreate, request.name, identity: DiskIdentity(request: request, token: token), request.deadline, call) {
      context in
      let disk = try await engine.createDisk(request, token: token, context)
      if disk.outcome == "created" {
        context.log(
          .notice, "audit: disk made",
          [
            "disk": disk.path, "image": disk.image, "route": disk.route ?? "hit", "base": disk.base ?? "-",
            "project": request.project ?? "-", "instance": request.instance ?? "-",
          ])
      }
      return .disk(disk)
    }
  }

  func disk(_ call: Call) async throws -> APIResponse {
    var wishes = ElementWishes()
    wishes.always = try call.flag("xml")
    (wishes.device, wishes.discard, wishes.detectZeroes) = (call.query["device"], call.query["discard"], call.query["detect_zeroes"])
    return try .json(try await call.service.engine.disk(call.names["name"] ?? "", element: wishes, call.context))
  }

  func deleteDisk(_ call: Call) async throws -> APIResponse {
    let name = try DiskName(call.names["name"] ?? "").text
    let (engine, detach) = (call.service.engine, try call.flag("detach"))
    // One that is being made here is given up first; one that another process makes, the agent itself waits for.
    let making = operations.list.filter { $0.document.kind == .diskCreate && $0.document.object == name && !$0.isFinal }
    for operation in making { operation.cancel(firmly: true) }
    return try await begin(.diskDelete, name, identity: nil as String?, nil, call) { context in
      for operation in making { await operation.wait(.seconds(60)) }
      let deletion = try await engine.deleteDisk(name, detach: detach, context)
      if deletion.outcome == "deleted" { context.log(.notice, "audit: disk deleted", ["disk": name]) }
      return .deletion(deletion)
    }
  }

  func resize(_ call: Call) async throws -> APIResponse {
    let request = try WireCoding.request(ResizeRequestDocument.self, call.request.body)
    _ = try size(request.size, "size")
    let (engine, name) = (call.service.engine, try DiskName(call.names["name"] ?? "").text)
    return try await begin(.diskResize, name, identity: nil as String?, nil, call) { context in
      .change(try await engine.resizeDisk(name, to: request.size, context))
    }
  }

  func flatten(_ call: Call) async throws -> APIResponse {
    let (engine, name) = (call.service.engine, try DiskName(call.names["name"] ?? "").text)
    return try await begin(.diskFlatten, name, identity: "flatten \(name)", nil, call) { context in
      .change(try await engine.flattenDisk(name, context))
    }
  }

  func fetch(_ call: Call) async throws -> APIResponse {
    let request = try WireCoding.request(FetchRequestDocument.self, call.request.body)
    try request.check()
    try allow(request, call)
    let (engine, token) = (call.service.engine, call.token)
    // What was asked with a user's token is not left to the next daemon: the token is kept nowhere.
    let entry = token == nil ? Journal.Entry(fetch: request) : nil
    return try await begin(.fetch, request.image, identity: FetchIdentity(request: request, token: token), request.deadline, call, entry) {
      .fetch(try await engine.fetch(request, token: token, $0))
    }
  }

  func prewarm(_ call: Call) async throws -> APIResponse {
    let request = try WireCoding.request(PrewarmRequestDocument.self, call.request.body)
    try request.check()
    for image in request.images ?? [] { try allow(image, call) }
    let engine = call.service.engine
    let object = request.set ?? request.tag ?? request.images?.first ?? "public"
    var low = call
    low.context.priority = .prewarm
    return try await begin(.prewarm, object, identity: request, request.deadline, low, Journal.Entry(prewarm: request)) {
      .prewarm(try await engine.prewarm(request, $0))
    }
  }

  /// Begins what a daemon before this one was at.
  func resume(_ entry: Journal.Entry, _ context: RequestContext) {
    let engine = service.engine
    if let request = entry.fetch {
      _ = try? operations.start(
        .fetch, request.image, identity: FetchIdentity(request: request, token: nil), id: entry.id, context,
        journaled(entry) { .fetch(try await engine.fetch(request, token: nil, $0)) })
    } else if let request = entry.prewarm {
      var context = context
      context.priority = .prewarm
      _ = try? operations.start(
        .prewarm, request.set ?? request.tag ?? request.images?.first ?? "public", identity: request, id: entry.id, context,
        journaled(entry) { .prewarm(try await engine.prewarm(request, $0)) })
    }
  }

  func list(_ kinds: [OperationDocument.Kind]?) throws -> APIResponse {
    let documents = operations.list.map(\.document).filter { kinds?.contains($0.kind) ?? true }
    return try .json(OperationListDocument(operations: documents))
  }

  func operation(_ call: Call) async throws -> APIResponse {
    let operation = try find(call)
    let wait = try call.wait()
    if wait > .zero { await operation.wait(wait) }
    return try .json(operation.document)
  }

  func find(_ call: Call) throws -> Operation {
    if let operation = operations[call.names["id"] ?? ""] { return operation }
    throw Mismatch(
      error: SlipwayError(.usage, "there is no such operation", hint: "what ended is forgotten after a quarter of an hour"), status: 404)
  }

  func cancel(_ call: Call) throws -> APIResponse {
    let operation = try find(call)
    operation.cancel(firmly: false)
    return try .json(operation.document, 202)
  }

  /// Begins an operation, waits as long as the caller wants, and answers what it brought, or where it is.
  private func begin<Identity: Hashable & Sendable>(
    _ kind: OperationDocument.Kind, _ object: String, identity: Identity?, _ deadline: Double?, _ call: Call, _ entry: Journal.Entry? = nil,
    _ body: @escaping @Sendable (RequestContext) async throws -> OperationResult
  ) async throws -> APIResponse {
    let wait = try call.wait()
    var context = call.context
    context.deadline = try Self.deadline(deadline)
    var entry = entry
    let id = UUID().uuidString.lowercased()
    entry?.id = id
    let (operation, _) = try operations.start(
      kind, object, identity: identity, id: id, context, entry.map { journaled($0, body) } ?? body)
    if wait > .zero { await operation.wait(wait) }
    let document = operation.document
    if let error = document.error { throw error.slipwayError }
    guard let result = document.result else {
      var response = try APIResponse.json(document, 202)
      response.headers.append(("Location", "/v1/operations/\(document.id)"))
      return response
    }
    switch result {
    case .disk(let disk): return try .json(disk, disk.outcome == "created" ? 201 : 200)
    case .fetch(let fetch): return try .json(fetch, fetch.outcome == "fetched" ? 201 : 200)
    case .prewarm(let prewarm): return try .json(prewarm)
    case .change(let change): return try .json(change)
    case .deletion(let deletion): return try .json(deletion)
    }
  }

  private func journaled(
    _ entry: Journal.Entry, _ body: @escaping @Sendable (RequestContext) async throws -> OperationResult
  ) -> @Sendable (RequestContext) async throws -> OperationResult {
    guard let journal else { return body }
    return { context in try await journal.keeping(entry, unless: { self.operations.isDraining }) { try await body(context) } }
  }

  private static func deadline(_ seconds: Double?) throws(SlipwayError) -> Deadline {
    guard let seconds else { return .never }
    guard seconds >= 1, seconds <= 604_800 else {
      throw SlipwayError(.usage, "'deadline' is 1 to 604800 seconds", object: "deadline")
    }
    return .after(.milliseconds(Int64(seconds * 1000)))
  }

  private func allow(_ request: some ImageRequestDocument, _ call: Call) throws(SlipwayError) { try allow(request.image, call) }

  /// A location is asked for by what the agent may read for the image service's own locations, and only where configuration lets callers name any.
  private func allow(_ image: String, _ call: Call) throws(SlipwayError) {
    guard image.unicodeScalars.count <= 4096 else {
      throw SlipwayError(.usage, "the image's name is too long", object: "image", hint: "give an id, or a unique name")
    }
    guard case .location(let location) = try ImageReference(parsing: image) else { return }
    let scheme = image.contains("://") ? image.prefix { $0 != ":" }.lowercased() : "file"
    guard let schemes = call.service.locationSchemes else {
      throw SlipwayError(
        .locationNotAllowed, "a caller of the API may not name locations", object: location.description,
        hint: "name an image of the image service, or set api.allow_locations")
    }
    guard schemes.contains(scheme) else {
      throw SlipwayError(
        .locationNotAllowed, "the API takes no location of the scheme '\(scheme.prefix(20))'", object: location.description,
        hint: "see allowed_direct_url_schemes, and file_roots for files")
    }
  }
}

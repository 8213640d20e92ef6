import Foundation
import Glibc
import Logging
import Model
import OpenStack
import Runtime
import ServiceLifecycle
import Testing
import Wire

@testable import AgentAPI

/// The server on a real socket, with our own client before it and a fake agent behind it.
@Suite(.timeLimit(.minutes(3))) struct ServerTests {
  /// A socket that is served while `body` runs.
  static func serving(
    _ bed: Bed, mode: UInt32 = 0o660, prepare: (String) throws -> Void = { _ in }, _ body: @Sendable (String) async throws -> Void
  ) async throws {
    let folder = "/tmp/slipway-api-\(UInt32.random(in: 0...UInt32.max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/s"
    try prepare(path)
    let ready = Handoff<Void>()
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let server = APIServer(
      place: .socket(try UnixSocket(path: path, group: getegid(), mode: mode)), responder: APIResponder(api: bed.api, role: .full),
      logger: logger, onReady: { ready.fulfill(.success(())) })
    let group = ServiceGroup(configuration: .init(services: [server], logger: logger))
    let run = Task {
      do { try await group.run() } catch { ready.fulfill(.failure(error)) }
    }
    try await ready.value()
    do {
      try await body(path)
    } catch {
      await group.triggerGracefulShutdown()
      await run.value
      throw error
    }
    await bed.operations.finish(within: .zero)
    await group.triggerGracefulShutdown()
    await run.value
    #expect(access(path, F_OK) != 0, "the socket stays behind")
  }

  private static var quiet: RequestContext {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return RequestContext(logger: logger)
  }

  @Test("the socket has its mode and group, and nothing else lies beside it")
  func socketMode() async throws {
    try await Self.serving(Bed(), mode: 0o640) { path in
      var status = stat()
      #expect(stat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o640)
      #expect(status.st_gid == getegid())
      let beside = try FileManager.default.contentsOfDirectory(atPath: String(path.dropLast(2)))
      #expect(beside == ["s"])
    }
  }

  @Test("a socket that a crash left behind is taken over, one on which somebody listens is not")
  func takesOver() async throws {
    try await Self.serving(Bed()) { path in
      var code: ErrorCode?
      do { _ = try UnixSocket(path: path, group: nil, mode: 0o600) } catch { code = (error as? SlipwayError)?.code }
      #expect(code == .busy)
    }
    let bed = Bed()
    try await Self.serving(
      bed,
      prepare: { path in
        let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(left, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        #expect(bound == 0)
        close(left)
      }
    ) { path in
      let engine = RemoteEngine(socket: path, mark: "m")
      let list = try await engine.disks(Self.quiet)
      #expect(list.disks.isEmpty)
      await engine.close()
    }
  }

  @Test("the client gets what the agent answers, its progress on the way, and its errors as they are")
  func remote() async throws {
    let bed = Bed()
    try await Self.serving(bed) { path in
      let engine = RemoteEngine(socket: path, mark: "m")
      #expect(RemoteEngine.isThere(path))
      #expect(try await engine.createDisk(DiskRequestDocument(name: "d", image: "i"), token: Secret("t"), Self.quiet).outcome == "created")
      #expect(bed.engine.state.with { $0.tokens } == ["t"])
      #expect(try await engine.disk("d", element: ElementWishes(), Self.quiet).name == "d")
      bed.engine.close()
      let seen = Locked(Int64(0))
      var context = Self.quiet
      context.progress = { progress in seen.with { $0 = max($0, progress.position) } }
      let given = context
      let work = Task { try await engine.fetch(FetchRequestDocument(image: "j"), token: nil, given) }
      try await bed.until("progress came") { seen.with { $0 } > 0 }
      bed.engine.open()
      #expect(try await work.value.outcome == "hit")
      do {
        _ = try await engine.disk("none", element: ElementWishes(), Self.quiet)
        Issue.record("there is none")
      } catch let error as SlipwayError {
        #expect(error.code == .diskNotFound)
        #expect(error.object == "none")
      }
      #expect(try await engine.deleteDisk("d", detach: false, Self.quiet).outcome == "deleted")
      #expect(await engine.parts(Self.quiet).map(\.name) == ["agent", "store"])
      await engine.close()
    }
  }

  @Test("a client that is cancelled cancels its operation; one that vanishes leaves it alone")
  func clientsGo() async throws {
    let bed = Bed()
    try await Self.serving(bed) { path in
      let engine = RemoteEngine(socket: path, mark: "m")
      bed.engine.close()
      let work = Task { try await engine.fetch(FetchRequestDocument(image: "i"), token: nil, Self.quiet) }
      try await bed.until("it began") { bed.engine.state.with { $0.begun } == 1 }
      work.cancel()
      _ = await work.result
      try await bed.until("it was cancelled") { bed.engine.state.with { $0.cancelled } == 1 }
      // Half a request's stream is read, then the connection is closed.
      let descriptor = try await Raw.connect(path)
      let body = #"{"image":"k"}"#
      try await Raw.send(
        descriptor,
        "POST /v1/fetches?wait=60s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
          + body)
      try await bed.until("it began") { bed.engine.state.with { $0.begun } == 2 }
      close(descriptor)
      bed.engine.open()
      try await bed.until("it ended") { bed.operations.active == 0 }
      #expect(bed.engine.state.with { $0.cancelled } == 1)
      await engine.close()
    }
  }

  @Test("a body that is too large is 413, a head that is none is 400, and the next client is served")
  func abuse() async throws {
    let bed = Bed()
    try await Self.serving(bed) { path in
      for (head, status) in [
        ("POST /v1/disks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n{", "413"),
        ("nonsense\r\n\r\n", "400"),
      ] {
        let descriptor = try await Raw.connect(path)
        try await Raw.send(descriptor, head)
        let answer = try await Raw.receive(descriptor)
        #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(head.prefix(20))")
        close(descriptor)
      }
      let descriptor = try await Raw.connect(path)
      let chunk = String(repeating: "x", count: 70_000)
      try await Raw.send(
        descriptor,
        "POST /v1/disks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "\(String(chunk.utf8.count, radix: 16))\r\n\(chunk)\r\n0\r\n\r\n")
      let answer = try await Raw.receive(descriptor)
      #expect(answer.hasPrefix("HTTP/1.1 413"))
      close(descriptor)
      let engine = RemoteEngine(socket: path, mark: "m")
      let list = try await engine.disks(Self.quiet)
      #expect(list.disks.isEmpty)
      await engine.close()
    }
  }

  @Test("a hundred streams that are idle and as many requests are served beside each other")
  func many() async throws {
    let bed = Bed()
    try await Self.serving(bed) { path in
      bed.engine.close()
      let id = try await bed.ask("POST", "/v1/fetches", #"{"image":"i"}"#).operation().id
      var streams: [Int32] = []
      for _ in 0..<100 {
        let descriptor = try await Raw.connect(path)
        try await Raw.send(descriptor, "GET /v1/operations/\(id)/events HTTP/1.1\r\nHost: x\r\n\r\n")
        streams.append(descriptor)
      }
      let engine = RemoteEngine(socket: path, mark: "m")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<100 { group.addTask { _ = try await engine.disks(Self.quiet) } }
        try await group.waitForAll()
      }
      bed.engine.open()
      for descriptor in streams {
        var text = ""
        for _ in 0..<400 where !text.contains("event: end") { text += try await Raw.receive(descriptor) }
        #expect(text.contains("event: end"))
        close(descriptor)
      }
      await engine.close()
    }
  }

  @Test("systemd is told by a datagram that all is ready")
  func notifies() throws {
    let path = "/tmp/slipway-notify-\(UInt32.random(in: 0...UInt32.max))"
    let receiver = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer {
      close(receiver)
      unlink(path)
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(receiver, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    #expect(bound == 0)
    let notifier = ServiceNotifier(environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000000"])
    notifier.ready()
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = recv(receiver, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).hasPrefix("READY=1"))
    #expect(notifier.watchdog == .seconds(3))
    #expect(ServiceNotifier(environment: ["WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"]).watchdog == nil)
  }
}

/// A client without manners.
enum Raw {
  /// A call that waits for the server must not hold a thread that the server needs.
  private static let workers = WorkerPool(name: "raw", threads: 8)

  static func connect(_ path: String) async throws -> Int32 {
    try await workers.run {
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
      let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
      }
      try #require(connected == 0)
      var limit = timeval(tv_sec: 60, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      return descriptor
    }
  }

  static func send(_ descriptor: Int32, _ text: String) async throws {
    try await workers.run {
      var bytes = Array(text.utf8)[...]
      while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count > 0 else { return }
        bytes = bytes.dropFirst(count)
      }
    }
  }

  static func receive(_ descriptor: Int32) async throws -> String {
    try await workers.run {
      var bytes = [UInt8](repeating: 0, count: 65536)
      let count = recv(descriptor, &bytes, bytes.count, 0)
      return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
  }
}

import FaultServer
import Foundation
import HTTPClient
import Model
import Runtime
import Testing

/// The daemon: the same engine behind a socket.
@Suite(.timeLimit(.minutes(30))) struct ServeTests {
  /// A daemon of a host, with its socket.
  final class Served: Sendable {
    let host: Host
    let socket: String
    let program: Program
    let http: HTTPClient
    private let folder: String

    init(host: Host, folder: String) throws {
      self.host = host
      self.folder = folder
      socket = folder + "/api.sock"
      program = try host.start(["serve"])
      var settings = HTTPClient.Settings()
      settings.unixSocket = socket
      http = HTTPClient(settings: settings)
    }

    /// A directory whose name is short enough for a socket.
    static func place() throws -> String {
      let folder = "/tmp/slipway-it-\(UInt32.random(in: 0...UInt32.max))"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      return folder
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func ready() async throws {
      try await eventually("the socket is there", within: .seconds(60)) {
        FileManager.default.fileExists(atPath: socket) || program.hasEnded
      }
      #expect(!program.hasEnded)
    }

    func get(_ path: String) async throws -> (status: Int, text: String) {
      let answer = try await http.send(HTTPRequest(.get, "http://slipway" + path))
      return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    func stop() async throws -> Ending {
      if !program.hasEnded { kill(program.pid, SIGTERM) }
      await http.close()
      return try await program.wait()
    }
  }

  private static func host(_ folder: String, target: String = "qcow2") throws -> Host {
    try Host { settings, _ in
      settings.target = target
      settings.more = ["api: { socket: \(folder)/api.sock }"]
    }
  }

  @Test("verbs go through the daemon where it is, answer what they answer without it, and its end is orderly")
  func verbsGoThroughIt() async throws {
    let image = try await Images.fresh()
    let folder = try Served.place()
    let host = try Self.host(folder, target: "rbd")
    let served = try Served(host: host, folder: folder)
    try await served.ready()
    let name = host.diskName()
    let made = try await host.run("disk", "create", name, "--image", image.id, "--size", "16M").succeeded()
    #expect(made["outcome"].text == "created")
    #expect(made["route"].text == "clone")
    let again = try await host.run("disk", "create", name, "--image", image.id, "--size", "16M", "--standalone").succeeded()
    #expect(again["outcome"].text == "existing")
    for words in [["disk", "show", name], ["plan", image.id, "--target", "qcow2"]] {
      let there = try await host.start(words).wait()
      let here = try await host.start(words + ["--standalone"]).wait()
      #expect(there.status == here.status)
      #expect(there.output == here.output)
    }
    let fetched = try await host.run("fetch", image.id).succeeded()
    let hit = try await host.run("fetch", image.id, "--standalone").succeeded()
    #expect(fetched["outcome"].text == "fetched")
    #expect(hit["outcome"].text == "hit")
    #expect(fetched["path"].text == hit["path"].text)
    let missing = "00000000-0000-4000-8000-000000000000"
    let (there, here) = (try await host.run("fetch", missing), try await host.run("fetch", missing, "--standalone"))
    #expect(there.status == 3)
    #expect(there.output == here.output)
    try await host.run("disk", "create", name, "--image", image.id, "--size", "32M").failed(7, "name_conflict")
    let other = try host.reconfigured { settings, _ in
      settings.target = "raw"
      settings.more = ["api: { socket: \(folder)/api.sock }"]
    }
    try await other.run("fetch", image.id).failed(2, "configuration")
    try await host.delete(name)
    let operations = try await served.get("/v1/operations").text
    for kind in ["disk_create", "fetch", "disk_delete"] { #expect(operations.contains(#""kind":"\#(kind)""#), "\(kind) went another way") }
    let metrics = try await served.get("/metrics").text
    #expect(metrics.contains(#"slipway_cache_requests_total{outcome="miss"} 1"#))
    #expect(metrics.contains(#"slipway_routes_total{target="rbd",route="clone",reason="ok"}"#))
    let readiness = try await served.get("/readyz")
    #expect(readiness.status == 200, "\(readiness.text)")
    #expect(try await served.get("/v1/bases").text.contains(image.id))
    let ending = try await served.stop()
    #expect(ending.status == 0, "\(ending.errors)")
    #expect(ending.errors.contains("audit: disk made") && ending.errors.contains("audit: disk deleted"))
    #expect(!FileManager.default.fileExists(atPath: served.socket))
  }

  @Test(
    "a daemon that is killed is followed by another one on its socket; two at once are none, a bad configuration is refused and changes nothing"
  )
  func outlivesItsEnd() async throws {
    let image = try await Images.fresh()
    let folder = try Served.place()
    let host = try Self.host(folder)
    let killed = try Served(host: host, folder: folder)
    try await killed.ready()
    try await host.run("fetch", image.id).succeeded()
    try await host.run("serve").failed(7, "busy")
    kill(killed.program.pid, SIGKILL)
    _ = try await killed.program.wait()
    #expect(FileManager.default.fileExists(atPath: killed.socket))
    // Nobody listens there: the verb works alone.
    let alone = try await host.run("fetch", image.id).succeeded()
    #expect(alone["outcome"].text == "hit")
    let next = try Served(host: host, folder: folder)
    try await eventually("it listens", within: .seconds(60)) {
      (try? FileManager.default.attributesOfItem(atPath: next.socket)[.creationDate]) != nil && !next.program.hasEnded
    }
    try await eventually("it answers", within: .seconds(60)) { next.program.catchesSignals && next.program.hasOpen("daemon.lock") }
    var answer: (status: Int, text: String)?
    for _ in 0..<600 where answer == nil {
      answer = try? await next.get("/v1/agent")
      if answer == nil { try await Task.sleep(for: .milliseconds(100)) }
    }
    #expect(answer?.status == 200)
    let before = try String(contentsOfFile: host.config, encoding: .utf8)
    try (before + "nonsense: 1\n").write(toFile: host.config, atomically: true, encoding: .utf8)
    kill(next.program.pid, SIGHUP)
    var metrics = ""
    for _ in 0..<600 where !metrics.contains(#"slipway_reloads_total{outcome="refused"} 1"#) {
      metrics = try await next.get("/metrics").text
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(metrics.contains(#"slipway_reloads_total{outcome="refused"} 1"#))
    try (before + "clean: { every: 1h }\n").write(toFile: host.config, atomically: true, encoding: .utf8)
    kill(next.program.pid, SIGHUP)
    for _ in 0..<600 where !metrics.contains(#"slipway_reloads_total{outcome="done"} 1"#) {
      metrics = try await next.get("/metrics").text
      try await Task.sleep(for: .milliseconds(50))
    }
    let hit = try await host.run("fetch", image.id).succeeded()
    #expect(hit["outcome"].text == "hit")
    #expect(try await next.stop().status == 0)
  }

  @Test("schemathesis finds no answer that the description of the API does not have")
  func holdsWhatItDescribes() async throws {
    let glance = try FaultServer { request in
      let isList = request.path.hasPrefix("/v2/images?")
      let body = isList ? #"{"images":[]}"# : request.path == "/" ? #"{"versions":[]}"# : "{}"
      return FaultReply(isList || request.path == "/" ? 200 : 404, [("Content-Type", "application/json")], body: Array(body.utf8))
    }
    defer { glance.stop() }
    let folder = try Served.place()
    let host = try Host { settings, _ in
      settings.clusters = []
      settings.endpoint = glance.url
      settings.more = ["api: { socket: \(folder)/api.sock }"]
    }
    let served = try Served(host: host, folder: folder)
    try await served.ready()
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let check = try await Program.start(
      root.path + "/Scripts/api-check", [served.socket],
      environment: ProcessInfo.processInfo.environment.filter {
        ["PATH", "HOME", "XDG_CACHE_HOME", "LANG", "TMPDIR"].contains($0.key) || $0.key.hasPrefix("PIP")
      },
      directory: host.scratch.path, limit: .seconds(200)
    ).wait()
    #expect(check.status == 0, "\(check.output.suffix(6000)) \(check.errors.suffix(1000))")
    #expect(!served.program.hasEnded)
    #expect(try await served.stop().status == 0)
  }
}

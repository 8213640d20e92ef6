import FaultServer
import Foundation
import Runtime
import Testing

/// Ctrl-C in every phase: 130, promptly, by an orderly end and never by a signal, with nothing left behind. And the deadline, likewise.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct InterruptTests {
  /// Well before any timeout (30 s at least) could have ended it, however busy the machine.
  static let prompt = Duration.seconds(25)

  func interrupted(_ program: Program, location: SourceLocation = #_sourceLocation) async throws {
    let moment = ContinuousClock.now
    program.interrupt()
    let ending = try await program.wait()
    try ending.failed(130, "cancelled", location)
    #expect(ContinuousClock.now - moment < Self.prompt, "\(ending)", sourceLocation: location)
    #expect(!ending.errors.contains("Fatal") && !ending.errors.contains("terminate"), "\(ending.errors)", sourceLocation: location)
  }

  /// A cluster whose monitor takes connections and says nothing.
  func hanging(_ silence: Silence) throws -> Host {
    try Host { settings, scratch in
      let conf = scratch.file("ceph.conf")
      let stack = try Stack.current()
      let text = """
        [global]
        fsid = \(try stack.fsid)
        mon host = [v2:127.0.0.1:\(silence.port)]
        keyring = \(stack.dir)/etc/ceph.client.$id.keyring
        """
      try (text + "\n").write(toFile: conf, atomically: true, encoding: .utf8)
      settings.clusters[0].conf = conf
      settings.clusters[0].timeout = "90s"
    }
  }

  /// A server whose body stops in its middle, the connection staying open.
  func stopping() throws -> FaultServer {
    try FaultServer { _ in
      FaultReply(200, [("ETag", "\"e\"")], body: [UInt8](repeating: 3, count: 1 << 20)).with {
        $0.repeats = 4
        $0.hang = 2 << 20
      }
    }
  }

  @Test func whileTheImageServiceIsAsked() async throws {
    let silence = try Silence()
    let host = try Host { settings, _ in settings.endpoint = "http://127.0.0.1:\(silence.port)" }
    let image = UUID().uuidString.lowercased()
    for words in [["fetch", image], ["plan", image], ["disk", "create", host.diskName(), "--image", image]] {
      let before = silence.callers
      let program = try host.start(words)
      try await eventually("the service is asked") { silence.callers > before }
      try await interrupted(program)
    }
    host.expectEmptyStore()
  }

  @Test func whileAClusterIsConnectedTo() async throws {
    let silence = try Silence()
    let host = try hanging(silence)
    let image = try await Images.shared.raw()
    for words in [
      ["fetch", image.id], ["plan", image.id, "--target", "rbd"],
      ["disk", "create", host.diskName(), "--image", image.id, "--target", "rbd"],
      ["disk", "list"], ["doctor"],
    ] {
      let before = silence.callers
      let program = try host.start(words)
      try await eventually("a monitor is called") { silence.callers > before }
      try await interrupted(program)
    }
    host.expectEmptyStore()
  }

  @Test(arguments: ["raw", "qcow2"]) func whileBytesAreMoved(format: String) async throws {
    let host = try Host()
    let server = try stopping()
    let program = try host.start(["fetch", server.url + "/x", "--disk-format", "raw", "--format", format])
    try await eventually("half of the body is sent") { server.written >= 2 << 20 }
    try await interrupted(program)
    host.expectEmptyStore()
  }

  @Test func whileABodyIsSlowToCome() async throws {
    let host = try Host()
    let silence = try Silence()
    let program = try host.start(["fetch", "http://127.0.0.1:\(silence.port)/x", "--disk-format", "raw"])
    try await eventually("it is connected") { silence.callers > 0 }
    try await interrupted(program)
    host.expectEmptyStore()
  }

  @Test func whileAnotherHoldsTheBase() async throws {
    let host = try Host()
    let server = try stopping()
    let words = ["fetch", server.url + "/x", "--disk-format", "raw"]
    let first = try host.start(words)
    try await eventually("the first is in the middle") { server.written >= 2 << 20 }
    let second = try host.start(words)
    try await eventually("the second looks for the base") {
      server.requests.filter { $0.method == "HEAD" }.count == 2 && second.hasOpen("/catalog.sqlite")
    }
    try await interrupted(second)
    #expect(host.stored("bases").isEmpty)
    #expect(first.hasOpen("/catalog.sqlite"), "the first goes on")
    try await interrupted(first)
    host.expectEmptyStore()
  }

  @Test func whileAnotherHoldsTheDisksName() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let disk = host.diskName()
    let admin = try host.stack.text("ceph", "admin_conf")
    let claim = "slipway.disk.\(disk)"
    try await Compare.tool(
      "rados", "-c", admin, "-p", "vms", "lock", "get", claim, "slipway", "--lock-cookie", "else", "--lock-duration", "600")
    for words in [["disk", "create", disk, "--image", image.id, "--target", "rbd"], ["disk", "delete", disk]] {
      let program = try host.start(words)
      try await eventually("it runs") { program.threads.contains { $0.hasPrefix("ceph-") } }
      try await Task.sleep(for: .milliseconds(300))
      try await interrupted(program)
    }
    #expect(try await Compare.tool("rados", "-c", admin, "-p", "vms", "lock", "info", claim, "slipway").contains("else"))
    #expect(try await !Compare.tool("rbd", "-c", admin, "ls", "vms").contains(disk))
    try await host.start(["disk", "delete", disk, "--deadline", "1s"]).wait().failed(5, "timeout")
    try await Compare.tool("rados", "-c", admin, "-p", "vms", "rm", claim)
  }

  /// At moments all over a clone's making: it stands whole, or not at all.
  @Test func whileADiskIsMade() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let admin = try host.stack.text("ceph", "admin_conf")
    for round in 0..<8 {
      let disk = host.diskName()
      let target = round.isMultiple(of: 4) ? "raw" : "rbd"
      let program = try host.start(["disk", "create", disk, "--image", image.id, "--target", target, "--size", "64M"])
      // On a busy machine it may be through before we look.
      try await eventually("it listens to signals") { program.catchesSignals || program.hasEnded }
      try await Task.sleep(for: .milliseconds(30 * round))
      program.interrupt()
      let ending = try await program.wait()
      let shown = try await host.run("disk", "show", disk)
      if ending.status == 0 {
        #expect(try shown.succeeded()["state"].text == "ready")
      } else {
        try ending.failed(130, "cancelled")
        // Once the last step is done it stands, whoever was still to be told.
        if shown.status == 0 { #expect(try shown.document()["state"].text == "ready") } else { try shown.failed(3, "disk_not_found") }
      }
      try await host.run("disk", "delete", disk).succeeded()
      #expect(try await !Compare.tool("rados", "-c", admin, "-p", "vms", "ls").contains(disk))
    }
    #expect(host.stored("tmp").isEmpty)
  }

  @Test func aSecondCtrlCEndsAtOnce() async throws {
    let silence = try Silence()
    let host = try hanging(silence)
    let image = try await Images.shared.raw()
    let program = try host.start(["fetch", image.id])
    try await eventually("a monitor is called") { silence.callers > 0 }
    program.interrupt()
    program.interrupt()
    #expect(try await program.wait().status == 130)
  }

  @Test func otherSignalsThatEndProgramsDoTheSame() async throws {
    let silence = try Silence()
    for signal in [SIGTERM, SIGHUP] {
      let host = try Host()
      let before = silence.callers
      let program = try host.start(["fetch", "http://127.0.0.1:\(silence.port)/x", "--disk-format", "raw"])
      try await eventually("it is connected") { silence.callers > before }
      kill(program.pid, signal)
      try await program.wait().failed(130, "cancelled")
      host.expectEmptyStore()
    }
  }

  // MARK: deadlines

  @Test func aDeadlineEndsEveryWait() async throws {
    let silence = try Silence()
    let image = try await Images.shared.raw()
    let server = try stopping()
    let service = try Host { settings, _ in settings.endpoint = "http://127.0.0.1:\(silence.port)" }
    let cluster = try hanging(silence)
    let host = try Host()
    let holder = try host.start(["fetch", server.url + "/held", "--disk-format", "raw"])
    try await eventually("it is in the middle") { server.written >= 2 << 20 }
    let waits: [(Host, [String])] = [
      (service, ["fetch", image.id]),
      (cluster, ["fetch", image.id]),
      (cluster, ["disk", "create", cluster.diskName(), "--image", image.id, "--target", "rbd"]),
      (cluster, ["plan", image.id, "--target", "rbd"]),
      (host, ["fetch", server.url + "/other", "--disk-format", "raw"]),
      (host, ["fetch", server.url + "/held", "--disk-format", "raw"]),
    ]
    for (host, words) in waits {
      let moment = ContinuousClock.now
      let ending = try await host.start(words + ["--deadline", "1s"]).wait()
      if words[0] == "plan" {
        // What was found until then is told, and that the rest is not known.
        #expect(ending.status == 5, "\(ending)")
        #expect(try ending.document()["candidates"].list.first?["reason"].text == "timeout", "\(ending.output)")
      } else {
        #expect(ending.status == 5, "\(ending)")
        #expect(try ["timeout", "cluster_unreachable"].contains(ending.document()["error"]["code"].text), "\(ending)")
      }
      #expect(ContinuousClock.now - moment < Self.prompt)
    }
    #expect(host.stored("bases").isEmpty)
    try await interrupted(holder)
    for host in [host, service, cluster] { host.expectEmptyStore() }
  }
}

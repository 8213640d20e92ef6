import Foundation
import Runtime
import Testing

/// A cluster that stops answering: every request ends by itself, with 5, and leaves nothing.
@Suite(.serialized, .fewAtATime, .timeLimit(.minutes(30))) struct OutageTests {
  /// Well above the clusters' timeout here (3 s for each answer), on a busy machine, too; librados itself would wait without end.
  static let bound = Duration.seconds(150)

  struct Bed {
    let host: Host
    /// The same host with time for a cluster that answers, on whatever machine.
    let patient: Host
    let image: String
    let file: String
    var url: String

    func remove() async throws { try await Compare.removeImage(image, host.stack) }
  }

  /// An image in the own cluster, `megabytes` of them random.
  func bed(_ megabytes: Int) async throws -> Bed {
    let stack = try await OwnStack.ceph()
    let host = try Host(on: stack) { settings, _ in
      settings.clusters[0].timeout = "3s"
      settings.cloud = nil
    }
    let name = "it-\(UUID().uuidString)"
    let file = try host.scratch.sparse("i", size: Int64(megabytes + 4) << 20, runs: [(1 << 20, megabytes << 20)], seed: 77)
    try await Compare.image(name, file, stack)
    let patient = try host.reconfigured { settings, _ in
      settings.clusters[0].timeout = "60s"
      settings.cloud = nil
    }
    return Bed(host: host, patient: patient, image: name, file: file, url: "rbd://\(try stack.fsid)/images/\(name)/snap")
  }

  func endsUnavailable(_ program: Program, location: SourceLocation = #_sourceLocation) async throws {
    let moment = ContinuousClock.now
    let ending = try await program.wait()
    let code = try ending.document(location)["error"]["code"].text
    #expect(ending.status == 5, "\(ending.output) \(ending.errors)", sourceLocation: location)
    #expect(["timeout", "cluster_unreachable"].contains(code), "\(ending.output)", sourceLocation: location)
    #expect(ContinuousClock.now - moment < Self.bound, sourceLocation: location)
  }

  /// A fetch that stands still with most of `bed(160)` before it, so that what befalls it now befalls it in the middle.
  func frozen(_ bed: Bed, _ words: [String]) async throws -> Program {
    for _ in 0..<20 {
      let program = try bed.host.start(words)
      if try await program.freeze(writing: "/store/tmp/", before: 64 << 20) { return program }
      _ = try await program.wait()
      try await bed.host.run("cache", "purge", bed.url).succeeded()
    }
    throw Overtaken()
  }

  struct Overtaken: Error {}

  @Test func storageThatHangsFromTheStartEndsAnExport() async throws {
    let bed = try await bed(2)
    let words = ["fetch", bed.url, "--disk-format", "raw", "--format", "raw"]
    try await OwnStack.whilePaused("ceph.osd") { try await endsUnavailable(bed.host.start(words)) }
    bed.host.expectEmptyStore()
    let fetched = try await bed.patient.start(words).wait().succeeded()
    try await Compare.same(#require(fetched["path"].text), bed.file)
    try await bed.remove()
  }

  @Test func storageThatHangsInTheMiddleEndsAnExport() async throws {
    let bed = try await bed(160)
    let words = ["fetch", bed.url, "--disk-format", "raw", "--format", "raw"]
    let program = try await frozen(bed, words)
    try await OwnStack.whilePaused("ceph.osd") {
      program.resume()
      try await endsUnavailable(program)
    }
    bed.host.expectEmptyStore()
    // For a moment only, and it goes on as if nothing had been.
    let patient = try bed.patient.start(words)
    try await eventually("bytes are moved") { patient.hasOpen("/store/tmp/") || patient.hasEnded }
    try await OwnStack.whilePaused("ceph.osd") { try await Task.sleep(for: .milliseconds(500)) }
    let fetched = try await patient.wait().succeeded()
    try await Compare.same(#require(fetched["path"].text), bed.file)
    try await bed.remove()
  }

  @Test func ctrlCWhileStorageHangs() async throws {
    let bed = try await bed(160)
    let program = try await frozen(bed, ["fetch", bed.url, "--disk-format", "raw"])
    try await OwnStack.whilePaused("ceph.osd") {
      program.resume()
      let moment = ContinuousClock.now
      program.interrupt()
      try await program.wait().failed(130, "cancelled")
      #expect(ContinuousClock.now - moment < Self.bound)
    }
    bed.host.expectEmptyStore()
    try await bed.remove()
  }

  /// Frozen at moments all over its making, a clone is made whole later, or has left nothing.
  @Test func storageThatHangsWhileADiskIsMade() async throws {
    let bed = try await bed(1)
    for round in [1, 3] {
      let disk = bed.host.diskName()
      let words = ["disk", "create", disk, "--image", bed.url, "--disk-format", "raw", "--target", "rbd", "--size", "64M"]
      let program = try bed.host.start(words)
      // On a busy machine it may be through before we look.
      try await eventually("it runs") { program.hasEnded || program.threads.contains { $0.hasPrefix("ceph-") } }
      try await Task.sleep(for: .milliseconds(30 * round))
      try await OwnStack.whilePaused("ceph.osd") {
        let ending = try await program.wait()
        #expect(ending.status == 0 || ending.status == 5, "\(ending.output)")
      }
      let again = try await bed.patient.start(words).wait().succeeded()
      #expect(again["state"].text == "ready")
      let out = try await Compare.exported("vms/\(disk)", bed.host.stack, to: bed.host.scratch.file("out-\(round)"))
      try await Compare.guest(out, "raw", bed.file, "raw")
      try await bed.patient.delete(disk)
    }
    try await bed.remove()
  }

  @Test func aMonitorThatHangs() async throws {
    let bed = try await bed(1)
    try await OwnStack.whilePaused("ceph.mon") {
      try await endsUnavailable(bed.host.start(["fetch", bed.url, "--disk-format", "raw"]))
      try await endsUnavailable(
        bed.host.start(["disk", "create", bed.host.diskName(), "--image", bed.url, "--disk-format", "raw", "--target", "rbd"]))
      let moment = ContinuousClock.now
      let doctor = try await bed.host.run("doctor")
      #expect(doctor.status == 5)
      #expect(try doctor.document()["healthy"] == .bool(false))
      #expect(ContinuousClock.now - moment < Self.bound)
    }
    bed.host.expectEmptyStore()
    try await bed.remove()
  }

  /// An outage is told as one, and never ends in a download or a full copy that nobody wanted.
  @Test func aMonitorThatIsDown() async throws {
    let bed = try await bed(1)
    try await OwnStack.daemon("stop", "ceph.mon")
    do {
      try await endsUnavailable(bed.host.start(["fetch", bed.url, "--disk-format", "raw"]))
      let plan = try await bed.host.run("plan", bed.url, "--disk-format", "raw", "--target", "rbd")
      #expect(plan.status == 5)
      #expect(try plan.document()["candidates"].list.first?["reason"].text == "cluster_unreachable")
    } catch {
      try await OwnStack.daemon("start", "ceph.mon")
      throw error
    }
    try await OwnStack.daemon("start", "ceph.mon")
    try await bed.patient.start(["fetch", bed.url, "--disk-format", "raw"]).wait().succeeded()
    try await bed.remove()
  }
}

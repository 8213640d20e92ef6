import FaultServer
import Foundation
import Runtime
import Testing

/// Images of other formats, which qemu-img converts in a sandbox.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct ConversionTests {
  /// What people upload.
  enum Kind: String, CaseIterable, CustomTestStringConvertible {
    case vmdkSparse, vmdkStream, vhdDynamic, vhdFixed, vhdx, vdi

    var testDescription: String { rawValue }
    /// Whether Glance's own inspection always lets it in: it takes a fixed VHD for raw, and some VHDX for incomplete.
    var canBeUploaded: Bool { self != .vhdFixed && self != .vhdx }
    /// The image service's word.
    var format: String {
      switch self {
      case .vmdkSparse, .vmdkStream: "vmdk"
      case .vhdDynamic, .vhdFixed: "vhd"
      case .vhdx: "vhdx"
      case .vdi: "vdi"
      }
    }

    private var words: [String] {
      switch self {
      case .vmdkSparse: ["-O", "vmdk", "-o", "subformat=monolithicSparse"]
      case .vmdkStream: ["-O", "vmdk", "-o", "subformat=streamOptimized"]
      case .vhdDynamic: ["-O", "vpc", "-o", "subformat=dynamic,force_size=on"]
      case .vhdFixed: ["-O", "vpc", "-o", "subformat=fixed,force_size=on"]
      case .vhdx, .vdi: ["-O", rawValue]
      }
    }

    /// Raw bytes and the image made of them.
    func make(_ scratch: Scratch, size: Int64 = 24 << 20) async throws -> (raw: String, image: String) {
      let raw = try scratch.sparse(
        "\(rawValue).raw", size: size, runs: [(0, 200_000), (5 << 20, 2 << 20), (size - 70_000, 70_000)], seed: 91)
      let image = scratch.file("\(rawValue).image")
      _ = try await Compare.workers.run {
        try Command.run("qemu-img", ["convert", "-q", "-f", "raw"] + words + [raw, image]).requireSuccess()
      }
      return (raw, image)
    }
  }

  private func expectConverted(_ fetched: JSON, _ kind: Kind, _ format: String, _ raw: String) async throws {
    #expect(fetched["outcome"].text == "fetched")
    #expect(fetched["virtual_size"].int == 24 << 20)
    let evidence = fetched["evidence"]
    #expect(evidence["inspected_format"].text == kind.format)
    #expect(evidence["conversion"]["from"].text == kind.format)
    #expect(evidence["conversion"]["by"].text?.hasPrefix("qemu-img ") == true)
    #expect(evidence["conversion"]["inspected_format"].text == "raw")
    let held = evidence["conversion"]["confinement"].list.compactMap(\.text)
    #expect(held.contains("no network") && held.contains("no files") && held.contains("no rights"), "\(held)")
    try await Compare.guest(#require(fetched["path"].text), format, raw, "raw")
  }

  @Test(arguments: Kind.allCases.filter(\.canBeUploaded), ["ceph", "local"])
  func anImageInGlanceIsConverted(_ kind: Kind, store: String) async throws {
    let host = try Host()
    let (raw, file) = try await kind.make(host.scratch)
    let image = try await Images.upload(file, format: kind.format, "--store", store)
    let plan = try await host.run("plan", image.id, "--target", "qcow2").succeeded()
    #expect(plan["convert"].text == kind.format)
    #expect(plan["candidates"].list.contains { $0["detail"].text?.hasPrefix("convert: qemu-img") == true })
    for format in ["qcow2", "raw"] {
      let fetched = try await host.run("fetch", image.id, "--format", format).succeeded()
      #expect(fetched["route"].text == (store == "ceph" ? "export" : "download"))
      #expect(fetched["evidence"]["digest"].text == "matched")
      try await expectConverted(fetched, kind, format, raw)
      let again = try await host.run("fetch", image.id, "--format", format).succeeded()
      #expect(again["outcome"].text == "hit")
      #expect(again["evidence"]["conversion"]["from"].text == kind.format)
    }
    #expect(host.stored("tmp").isEmpty)
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2", "--size", "64M").succeeded()
    #expect(made["outcome"].text == "created")
    try await host.delete(disk)
  }

  @Test(arguments: Kind.allCases) func anImageThatIsNamedByItsPlaceIsConverted(_ kind: Kind) async throws {
    let host = try Host()
    let (raw, file) = try await kind.make(host.scratch)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    let server = try FaultServer { _ in FaultReply(200, [("ETag", "\"e\"")], body: bytes) }
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    let name = "it-\(UUID().uuidString)"
    try await Compare.image(name, file, host.stack)
    let snapshot = "rbd://\(try host.stack.fsid)/images/\(name)/snap"
    for (source, format) in [(file, "qcow2"), (server.url + "/x", "raw"), (snapshot, "qcow2"), (snapshot, "raw")] {
      let fetched = try await operators.run("fetch", source, "--disk-format", kind.format, "--format", format).succeeded()
      try await expectConverted(fetched, kind, format, raw)
    }
    try await Compare.removeImage(name, host.stack)
  }

  // MARK: What is refused

  /// VMDKs that say where else to look.
  private static func descriptor(_ type: String, _ extent: String) -> String {
    """
    # Disk DescriptorFile
    version=1
    CID=fffffffe
    parentCID=ffffffff
    createType="\(type)"

    # Extent description
    \(extent)

    # The Disk Data Base
    #DDB
    ddb.virtualHWVersion = "4"
    ddb.geometry.cylinders = "4"
    ddb.geometry.heads = "16"
    ddb.geometry.sectors = "63"
    ddb.adapterType = "ide"
    """
  }

  @Test(arguments: [
    ("monolithicFlat", "RW 4 FLAT \"/etc/passwd\" 0"), ("monolithicSparse", "RW 4 SPARSE \"/etc/passwd\""),
    ("twoGbMaxExtentFlat", "RW 4 FLAT \"../../../etc/passwd\" 0"), ("vmfs", "RW 4 VMFS \"/etc/passwd\""),
  ]) func aVmdkThatNamesAnotherFileIsRefusedBeforeAnythingReadsIt(type: String, extent: String) async throws {
    let host = try Host()
    let file = host.scratch.file("lying.vmdk")
    try Self.descriptor(type, extent).write(toFile: file, atomically: true, encoding: .utf8)
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    // Without any qemu-img: what would need it is refused as that.
    let error = try await operators.start(["fetch", file, "--disk-format", "vmdk"], environment: ["PATH": host.scratch.path]).wait()
    let code = try error.document()["error"]["code"].text
    #expect(error.status == 4 && (code == "format_refused" || code == "format_mismatch"), "\(error.output)")
    operators.expectEmptyStore()
  }

  @Test func aQEDIsRefused() async throws {
    let host = try Host()
    let file = host.scratch.file("q.qed")
    try await Compare.tool("qemu-img", "create", "-q", "-f", "qed", file, "4M")
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    try await operators.run("fetch", file, "--disk-format", "qed").failed(4, "format_refused")
    operators.expectEmptyStore()
  }

  @Test func aVmdkWhoseDescriptorNamesAnotherFileIsRefused() async throws {
    let host = try Host()
    let (_, file) = try await Kind.vmdkSparse.make(host.scratch)
    let handle = try #require(FileHandle(forUpdatingAtPath: file))
    // The embedded descriptor is the second sector.
    try handle.seek(toOffset: 512)
    var text = Array(Self.descriptor("monolithicSparse", "RW 49152 SPARSE \"/etc/passwd\"").utf8)
    text += [UInt8](repeating: 0, count: 20 * 512 - text.count)
    try handle.write(contentsOf: Data(text))
    try handle.close()
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    let error = try await operators.start(["fetch", file, "--disk-format", "vmdk"], environment: ["PATH": host.scratch.path]).wait()
    #expect(error.status == 4, "\(error.output)")
    operators.expectEmptyStore()
  }

  @Test func aResultThatIsAnImageAgainIsRefused() async throws {
    let host = try Host()
    let inner = host.scratch.file("inner.qcow2")
    try await Compare.tool("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", inner, "4M")
    let outer = host.scratch.file("outer.vdi")
    try await Compare.tool("qemu-img", "convert", "-q", "-f", "raw", "-O", "vdi", inner, outer)
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    for format in ["qcow2", "raw"] {
      try await operators.run("fetch", outer, "--disk-format", "vdi", "--format", format).failed(4, "format_mismatch")
    }
    operators.expectEmptyStore()
  }

  @Test func anImageThatEndsTooSoonIsRefused() async throws {
    let host = try Host()
    let (_, file) = try await Kind.vdi.make(host.scratch)
    let handle = try #require(FileHandle(forUpdatingAtPath: file))
    try handle.truncate(atOffset: 1 << 20)
    try handle.close()
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    try await operators.run("fetch", file, "--disk-format", "vdi").failed(4, "format_refused")
    operators.expectEmptyStore()
  }

  @Test func withoutTheProgramTheHostIsToBlame() async throws {
    let host = try Host()
    let (_, file) = try await Kind.vdi.make(host.scratch)
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    let ending = try await operators.start(["fetch", file, "--disk-format", "vdi"], environment: ["PATH": host.scratch.path]).wait()
    let error = try ending.failed(2, "configuration")
    #expect(error["retry"].text == "elsewhere")
    #expect(error["hint"].text?.contains("qemu-utils") == true)
    let doctor = try await operators.start(["doctor"], environment: ["PATH": host.scratch.path]).wait().document()
    let check = try #require(doctor["checks"].list.first { $0["name"].text == "conversion" })
    #expect(check["status"].text == "warning")
    operators.expectEmptyStore()
  }

  @Test func theDoctorTellsWhatHoldsItIn() async throws {
    let doctor = try await Host().run("doctor").document()
    let check = try #require(doctor["checks"].list.first { $0["name"].text == "conversion" })
    #expect(check["status"].text == "ok", "\(check)")
    #expect(check["detail"].text?.contains("no network, no files, no rights") == true)
  }

  // MARK: A qemu-img that does not do its work

  /// A directory with a `qemu-img` that is a script; its conversion sleeps for a time that tells which it is.
  private func fake(_ host: Host, _ script: String) throws -> String {
    let path = host.scratch.file("bin")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try "#!/bin/sh\n\(script)\n".write(toFile: path + "/qemu-img", atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path + "/qemu-img")
    return path + ":/usr/bin:/bin"
  }

  /// Processes with that word on their command line.
  private func running(_ word: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter { name in
      Int(name) != nil
        && (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(name)/cmdline"))).map { String(decoding: $0, as: UTF8.self).contains(word) }
          ?? false
    }
  }

  private func waitUntilGone(_ word: String) async throws {
    let end = ContinuousClock.now + .seconds(30)
    while !running(word).isEmpty, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(50)) }
    #expect(running(word) == [])
  }

  @Test(arguments: ["info", "convert"]) func oneThatHangsIsEndedAndReported(stage: String) async throws {
    let nap = "98765.\(UInt32.random(in: 1...UInt32.max))"
    let host = try Host()
    let (raw, file) = try await Kind.vhdx.make(host.scratch)
    let path = try fake(host, "[ \"$1\" = \(stage) ] && exec sleep \(nap); exec /usr/bin/qemu-img \"$@\"")
    let operators = try host.reconfigured { settings, _ in
      settings.roots = [host.scratch.path]
      settings.more = ["limits: { convert_time: 8s }"]
    }
    let ending = try await operators.start(["fetch", file, "--disk-format", "vhdx"], environment: ["PATH": path]).wait()
    let error = try ending.failed(5, "timeout")
    #expect(error["message"].text?.contains("qemu-img was ended after 8 s") == true, "\(error)")
    try await waitUntilGone(nap)
    operators.expectEmptyStore()
    let fetched = try await host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
      .run("fetch", file, "--disk-format", "vhdx").succeeded()
    try await expectConverted(fetched, .vhdx, "qcow2", raw)
  }

  @Test func oneThatFailsIsQuotedAndOneThatLiesIsNotBelieved() async throws {
    let host = try Host()
    let (_, file) = try await Kind.vdi.make(host.scratch)
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    for (script, words) in [
      ("echo 'it\thas a hole' >&2; exit 1", "it?has a hole"), ("echo '{\"virtual-size\": 512}'", "qemu-img reads 512"),
      ("[ \"$1\" = info ] && echo nonsense", "tells no size"), ("kill -SEGV $$; sleep 1", "qemu-img"),
    ] {
      let path = try fake(host, script)
      let ending = try await operators.start(["fetch", file, "--disk-format", "vdi"], environment: ["PATH": path]).wait()
      let error = try ending.failed(4, "format_refused")
      #expect(error["message"].text?.contains(words) == true, "\(error)")
    }
    // One that says that all is well and wrote nothing: zeros are what a guest would get, so only the size tells, and the bytes are the tool's word.
    let path = try fake(host, "[ \"$1\" = convert ] && exit 1; exec /usr/bin/qemu-img \"$@\"")
    try await operators.start(["fetch", file, "--disk-format", "vdi"], environment: ["PATH": path]).wait().failed(4, "format_refused")
    operators.expectEmptyStore()
  }

  @Test(arguments: ["kill", "interrupt"]) func nothingIsLeftOfAConversionThatIsCutShort(how: String) async throws {
    let nap = "98765.\(UInt32.random(in: 1...UInt32.max))"
    let host = try Host()
    let (raw, file) = try await Kind.vmdkStream.make(host.scratch)
    let image = try await Images.upload(file, format: "vmdk")
    let path = try fake(host, "[ \"$1\" = convert ] && exec sleep \(nap); exec /usr/bin/qemu-img \"$@\"")
    let program = try host.start(["fetch", image.id], environment: ["PATH": path])
    let end = ContinuousClock.now + .seconds(60)
    while running(nap).isEmpty, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(20)) }
    #expect(!running(nap).isEmpty)
    if how == "kill" { kill(program.pid, SIGKILL) } else { program.interrupt() }
    let ending = try await program.wait()
    #expect(ending.status == (how == "kill" ? -1 : 130))
    try await waitUntilGone(nap)
    if how == "interrupt" { host.expectEmptyStore() }
    let fetched = try await host.run("fetch", image.id).succeeded()
    try await expectConverted(fetched, .vmdkStream, "qcow2", raw)
    #expect(host.stored("tmp").isEmpty)
  }
}

import FaultServer
import Foundation
import Testing

/// What bytes claim to be, and what they are.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct FormatTests {
  // MARK: what the image service says

  @Test func anImageWithHalfASignatureIsRefusedOnAMissAndOnAHit() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    try await host.run("fetch", image.id).succeeded()
    try await Images.glance("set", image.id, "img_signature_hash_method=SHA-256")
    let cold = try Host()
    for host in [host, cold] {
      try await host.run("fetch", image.id).failed(4, "signature_invalid")
      for target in ["rbd", "qcow2", "raw"] {
        let disk = host.diskName()
        try await host.run("disk", "create", disk, "--image", image.id, "--target", target).failed(4, "signature_invalid")
        try await host.run("disk", "show", disk).failed(3, "disk_not_found")
      }
      try await host.run("plan", image.id, "--target", "rbd").failed(4, "signature_invalid")
    }
    cold.expectEmptyStore()
    try await Images.glance("unset", image.id, "img_signature_hash_method")
    try await Images.glance("set", image.id, "img_signature=")
    try await cold.run("fetch", image.id).failed(4, "signature_invalid")
  }

  @Test(arguments: ["ploop"]) func aFormatThatIsNotReadIsRefused(format: String) async throws {
    let image = try await Images.queued(format: format)
    try await Images.glance("status", image, "active")
    try await Images.glance("size", image, "1048576")
    let host = try Host()
    try await host.run("fetch", image).failed(4, "format_refused")
    for (target, code) in [("rbd", "format_not_allowed"), ("qcow2", "format_refused"), ("raw", "format_refused")] {
      try await host.run("disk", "create", host.diskName(), "--image", image, "--target", target).failed(4, code)
    }
    host.expectEmptyStore()
  }

  @Test func aContainerIsRefused() async throws {
    let image = try await Images.fresh("--container-format", "ova")
    let host = try Host()
    try await host.run("fetch", image.id).failed(4, "format_refused")
    try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd").failed(4, "not_cloneable")
    let plan = try await host.run("plan", image.id, "--target", "rbd")
    #expect(try plan.document()["candidates"].list.first?["reason"].text == "container_not_bare")
    host.expectEmptyStore()
  }

  @Test(arguments: ["os_encrypt_format=LUKSv1", "cinder_encryption_key_id=2f2bdc48-0b4b-4d7c-9a51-4c1a4c1c7f4b"])
  func anEncryptedImageIsRefused(property: String) async throws {
    let image = try await Images.fresh("--property", property)
    let host = try Host()
    try await host.run("fetch", image.id).failed(4, "format_refused")
    try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd").failed(4, "not_cloneable")
    let plan = try await host.run("plan", image.id, "--target", "rbd")
    #expect(plan.status == 4)
    #expect(try plan.document()["candidates"].list.first?["reason"].text == "encrypted")
    host.expectEmptyStore()
  }

  @Test func aQcow2ImageIsNotClonedWhereNothingElseIsAllowed() async throws {
    let image = try await Images.shared.qcow2()
    let host = try Host { settings, _ in settings.more = ["on_not_cloneable: fail"] }
    let error = try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd").failed(4, "not_cloneable")
    #expect(error["message"].text?.contains("only raw can be cloned") == true)
    let plan = try await host.run("plan", image.id, "--target", "rbd")
    #expect(plan.status == 4)
    #expect(try plan.document()["candidates"].list.compactMap { $0["reason"].text } == ["not_raw"])
  }

  // MARK: what the bytes are

  /// Bytes that claim to be harmless.
  enum Evil: String, CaseIterable, CustomTestStringConvertible {
    case backingFile, dataFile, unknownFeature, extendedEntries, corrupt, cutOff, otherVersion
    case qcow2AsRaw, vmdkAsRaw, rawAsQcow2, nothingAsQcow2

    var testDescription: String { rawValue }
    var claim: String { rawValue.hasSuffix("AsRaw") ? "raw" : "qcow2" }
    /// What a guest of such an image would read on this host.
    static let secret = "/etc/passwd"

    func make(_ scratch: Scratch) async throws -> String {
      let file = scratch.file(rawValue + ".img")
      switch self {
      case .backingFile: try await Compare.tool("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", Self.secret, "-F", "raw", file, "4M")
      case .dataFile:
        try await Compare.tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file=\(scratch.file("data"))", file, "4M")
      case .extendedEntries: try await Compare.tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "extended_l2=on", file, "4M")
      case .vmdkAsRaw: try await Compare.tool("qemu-img", "create", "-q", "-f", "vmdk", file, "4M")
      case .rawAsQcow2:
        try FileManager.default.moveItem(atPath: scratch.sparse("r", size: 1 << 20, runs: [(0, 9000)], seed: 5), toPath: file)
      case .nothingAsQcow2: try Data().write(to: URL(fileURLWithPath: file))
      case .unknownFeature, .corrupt, .cutOff, .otherVersion, .qcow2AsRaw:
        let raw = try scratch.sparse("r", size: 4 << 20, runs: [(0, 300_000)], seed: 6)
        try await Compare.tool("qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", raw, file)
        let handle = try #require(FileHandle(forUpdatingAtPath: file))
        // Incompatible features are 8 big-endian bytes at 72, the version 4 at 4 (qcow2 specification, Header).
        if self == .unknownFeature {
          try handle.seek(toOffset: 75)
          try handle.write(contentsOf: Data([1]))
        } else if self == .corrupt {
          try handle.seek(toOffset: 79)
          try handle.write(contentsOf: Data([2]))
        } else if self == .otherVersion {
          try handle.seek(toOffset: 7)
          try handle.write(contentsOf: Data([4]))
        } else if self == .cutOff {
          try handle.truncate(atOffset: 70_000)
        }
        try handle.close()
      }
      return file
    }
  }

  @Test(arguments: Evil.allCases) func bytesThatAreNotWhatTheyClaimAreRefusedByEveryRoute(evil: Evil) async throws {
    let host = try Host()
    let stack = host.stack
    let file = try await evil.make(host.scratch)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    let server = try FaultServer { _ in FaultReply(200, [("ETag", "\"e\"")], body: bytes) }
    let name = "it-\(UUID().uuidString)"
    var sources = [file, server.url + "/x"]
    // (rbd import takes no empty file.)
    if !bytes.isEmpty {
      try await Compare.image(name, file, stack)
      sources.append("rbd://\(try stack.fsid)/images/\(name)/snap")
    }
    let operators = try host.reconfigured { settings, scratch in settings.roots = [host.scratch.path] }
    for source in sources {
      for format in ["qcow2", "raw"] {
        let ending = try await operators.run("fetch", source, "--disk-format", evil.claim, "--format", format)
        let code = try ending.document()["error"]["code"].text
        #expect(ending.status == 4, "\(source) \(ending.output) \(ending.errors)")
        #expect(code == "format_refused" || code == "format_mismatch", "\(source): \(code ?? "")")
        operators.expectEmptyStore()
      }
    }
    try await Compare.removeImage(name, stack)
  }

  @Test func aSoundQcow2OfEveryKindIsRead() async throws {
    let host = try Host()
    let raw = try host.scratch.sparse("r", size: 4 << 20, runs: [(0, 300_000), (3 << 20, 70_000)], seed: 7)
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    let kinds = ["compat=0.10", "cluster_size=4096", "cluster_size=2097152", "lazy_refcounts=on", "refcount_bits=1"]
    for (index, options) in kinds.enumerated() {
      let file = host.scratch.file("\(index).qcow2")
      try await Compare.tool("qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", "-o", options, raw, file)
      for format in ["qcow2", "raw"] {
        let fetched = try await operators.run("fetch", file, "--disk-format", "qcow2", "--format", format).succeeded()
        try await Compare.guest(#require(fetched["path"].text), format, raw, "raw")
      }
    }
  }
}

import Foundation
import Testing

/// A snapshot is known by its ids, whatever its name: one that was made anew is verified anew.
@Suite(.timeLimit(.minutes(30)), .serialized) struct SnapshotTests {
  let signed: Signed
  let token: String

  init() async throws {
    signed = try Signed()
    token = try await Images.token("agent", project: "service")
    try await signed.root("root")
    try await signed.leaf("leaf", by: "root")
  }

  /// Another snapshot under the same name: of other bytes in the same RBD image, of a new image with the bytes of `file`, or of the same bytes.
  private func replace(_ id: String, _ file: String?, on host: Host) throws {
    let stack = host.stack
    if let file {
      stack.removeImage(id)
      try stack.makeImage(id, file: file)
      return
    }
    try stack.rbd("snap", "unprotect", "images/\(id)@snap")
    try stack.rbd("snap", "rm", "images/\(id)@snap", "--no-progress")
    // What lay behind the first mebibyte is zeros then.
    try stack.rbd("resize", "--size", "1M", "--allow-shrink", "images/\(id)", "--no-progress")
    try stack.rbd("resize", "--size", "3M", "images/\(id)", "--no-progress")
    try stack.rbd("snap", "create", "images/\(id)@snap", "--no-progress")
    try stack.rbd("snap", "protect", "images/\(id)@snap")
  }

  @Test("replaced before a clone: the evidence of the first says nothing of the second", arguments: [true, false])
  func before(asNewImage: Bool) async throws {
    let image = try await Images.fresh()
    let host = try Host { settings, _ in settings.more = ["on_not_cloneable: fail"] }
    let uuid = try await signed.store("leaf", token: token)
    try await signed.sign(image.id, image.file, by: "leaf", certificate: uuid)
    let words = ["--image", image.id, "--target", "rbd"]
    let first = host.diskName()
    try await host.start(["disk", "create", first] + words).wait().succeeded()
    try await host.delete(first)
    let other = try signed.scratch.sparse("other", size: 3 << 20, runs: [(0, 900_000)], seed: 77)
    try replace(image.id, asNewImage ? other : nil, on: host)
    let second = host.diskName()
    try await host.start(["disk", "create", second] + words).wait().failed(4, "signature_mismatch")
    try await host.run("disk", "show", second).failed(3, "disk_not_found")
    #expect(host.stored("meta").count == 1, "what was refused leaves no evidence")
    // The right bytes again, in a third snapshot, are verified again.
    try replace(image.id, image.file, on: host)
    try await host.start(["disk", "create", second] + words).wait().succeeded()
    #expect(host.stored("meta").count == 2)
    try await host.delete(second)
    try await signed.clear()
  }

  @Test("replaced while it is read: no disk, and no evidence for either")
  func during() async throws {
    let file = try signed.scratch.sparse("large", size: 160 << 20, runs: [(0, 128 << 20)], seed: 78)
    let image = try await Images.upload(file, format: "raw")
    let host = try Host { settings, _ in settings.more = ["on_not_cloneable: fail"] }
    let uuid = try await signed.store("leaf", token: token)
    try await signed.sign(image.id, file, by: "leaf", certificate: uuid)
    let disk = host.diskName()
    let program = try host.start(["disk", "create", disk, "--image", image.id, "--target", "rbd"])
    // Stopped in the midst of it, or just before or after: the verdict is the same.
    try await eventually("nothing is verified") {
      host.stored("locks").contains { $0.hasSuffix(".work") } || program.hasEnded
    }
    kill(program.pid, SIGSTOP)
    try host.stack.rbd("snap", "unprotect", "images/\(image.id)@snap")
    try host.stack.rbd("snap", "rm", "images/\(image.id)@snap", "--no-progress")
    try host.stack.rbd("resize", "--size", "1M", "--allow-shrink", "images/\(image.id)", "--no-progress")
    try host.stack.rbd("resize", "--size", "160M", "images/\(image.id)", "--no-progress")
    try host.stack.rbd("snap", "create", "images/\(image.id)@snap", "--no-progress")
    try host.stack.rbd("snap", "protect", "images/\(image.id)@snap")
    kill(program.pid, SIGCONT)
    let ending = try await program.wait()
    let code = try ending.document()["error"]["code"].text
    // Of the new one the signature is wrong, should the plan have seen that first.
    #expect(
      ending.status == 3 && code == "source_not_found" || ending.status == 4 && code == "signature_mismatch", "\(ending.output)")
    try await host.run("disk", "show", disk).failed(3, "disk_not_found")
    let kept = host.stored("meta").filter { $0.hasPrefix("snapshot-") }
    #expect(kept.isEmpty, "\(kept)")
    try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").failed(4, "signature_mismatch")
    try await signed.clear()
  }

  @Test("evidence is by certificate and policy, too: under a stricter policy the snapshot is judged again")
  func policy() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    let uuid = try await signed.store("leaf", token: token)
    try await signed.sign(image.id, image.file, by: "leaf", certificate: uuid)
    let disk = host.diskName()
    let words = ["--image", image.id, "--target", "rbd"]
    let made = try await host.start(["disk", "create", disk] + words).wait().succeeded()
    #expect(made["evidence"]["signatures"].list.map { $0["certificate"]["id"].text } == [uuid])
    #expect(made["evidence"]["policy"]["rule"].text == "default")
    #expect(made["evidence"]["policy"]["owner"].text == image.document["owner"].text)
    #expect(made["evidence"]["inspection"].text == "accepted")
    #expect(try await host.run("disk", "show", disk).succeeded()["evidence"] == made["evidence"], "the disk carries it")
    try await host.delete(disk)
    let strict = try host.reconfigured { settings, _ in settings.more = ["trust: { min_rsa_bits: 3072 }"] }
    try await strict.start(["disk", "create", disk] + words).wait().failed(4, "certificate_unusable")
    let all = try host.reconfigured { settings, _ in settings.more = ["trust: { clone: verify-all }"] }
    let again = try await all.start(["disk", "create", disk] + words).wait().succeeded()
    #expect(again["evidence"]["digest"].text == "matched" && again["evidence"]["policy"]["clone"].text == "verify-all")
    try await host.delete(disk)
    try await signed.clear()
  }
}

import Foundation
import Runtime
import Testing

/// Images whose bytes are a volume of a real Cinder.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct CinderTests {
  private func host(_ change: @escaping (inout Settings) -> Void = { _ in }) throws -> Host {
    try Host { settings, _ in
      settings.schemes = ["rbd", "cinder"]
      settings.more = [CinderVolume.backend]
      change(&settings)
    }
  }

  /// An image of 3 MiB whose locations are a file that no host may read, and a volume with the same bytes.
  private func image(owner: String? = "demo", store: String? = nil) async throws -> (Uploaded, CinderVolume) {
    let image = try await Images.fresh("--store", "local")
    let stack = try Stack.current()
    let volume = try await CinderVolume.holding(image.file, owner: try owner.map { try stack.text("projects", $0) })
    try await Images.glance("fake-location", image.id, "cinder://" + (store.map { "\($0)/" } ?? "") + volume.id)
    return (image, volume)
  }

  /// The disk is as large as the volume, and begins with the image.
  private func same(_ disk: String, _ image: Uploaded, _ host: Host) async throws {
    let file = try await Compare.exported("vms/\(disk)", host.stack, to: host.scratch.file(UUID().uuidString))
    #expect(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int64 == CinderVolume.size)
    try await Compare.tool("cmp", "-n", String(3 << 20), file, image.file)
  }

  @Test func aVolumeIsClonedAndCinderDeletesItAllTheSame() async throws {
    let (image, volume) = try await image()
    let host = try host { $0.target = "rbd" }
    let plan = try await host.run("plan", image.id).succeeded()
    #expect(plan["route"].text == "cinder_clone", "\(plan)")
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id).succeeded()
    #expect(made["route"].text == "cinder_clone" && made["size"].int == CinderVolume.size, "\(made)")
    try await same(disk, image, host)
    #expect(try await host.run("disk", "create", disk, "--image", image.id).succeeded()["outcome"].text == "existing")
    // Nothing of ours hangs on it.
    #expect(try await volume.snapshots().isEmpty)
    #expect(try await !volume.notes().contains(volume.id))
    try await volume.delete()
    try await same(disk, image, host)
    try await host.delete(disk)
  }

  @Test func aCloneGrowsAndASmallerDiskIsMadeOfABase() async throws {
    let (image, volume) = try await image(store: "volumes")
    let host = try host { $0.target = "rbd" }
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--size", "2G").succeeded()
    #expect(made["route"].text == "cinder_clone" && made["size"].int == 2 << 30, "\(made)")
    let small = host.diskName()
    let based = try await host.run("disk", "create", small, "--image", image.id, "--size", "8M").succeeded()
    #expect(based["route"].text == "base_clone" && based["size"].int == 8 << 20, "\(based)")
    try await host.delete(disk)
    try await host.delete(small)
    _ = try await host.run("cache", "purge", image.id)
    try await volume.delete()
  }

  @Test func aLocalBaseIsReadOutOfTheVolume() async throws {
    let (image, volume) = try await image()
    let host = try host()
    let fetched = try await host.run("fetch", image.id, "--format", "raw").succeeded()
    #expect(fetched["route"].text == "export", "\(fetched)")
    #expect(fetched["evidence"]["digest"].text == "matched", "\(fetched)")
    try await Compare.same(try #require(fetched["path"].text), image.file)
    #expect(try await volume.snapshots().isEmpty)
    try await volume.delete()
  }

  @Test func whatIsToBeProvedIsImportedInstead() async throws {
    let (image, volume) = try await image()
    let host = try host {
      $0.target = "rbd"
      $0.more.append("trust: { clone: verify-all }")
    }
    let disk = host.diskName()
    let plan = try await host.run("plan", image.id).succeeded()
    #expect(plan["candidates"].list.contains { $0["reason"].text == "volume_mutable" }, "\(plan)")
    let made = try await host.run("disk", "create", disk, "--image", image.id).succeeded()
    #expect(made["route"].text == "base_clone" && made["size"].int == 3 << 20, "\(made)")
    try await Compare.same(try await Compare.exported("vms/\(disk)", host.stack, to: host.scratch.file("out")), image.file)
    #expect(try await volume.snapshots().isEmpty)
    try await host.delete(disk)
    _ = try await host.run("cache", "purge", image.id)
    try await volume.delete()
  }

  @Test func aVolumeOfAnotherProjectIsNotTheImages() async throws {
    let (image, volume) = try await image(owner: nil)
    let plan = try await host { $0.target = "rbd" }.run("plan", image.id).succeeded()
    let reasons = plan["candidates"].list.map { $0["reason"].text ?? "" }
    #expect(reasons.contains("owner_mismatch") && plan["route"].text == "base_clone", "\(plan)")
    try await volume.delete()
    let gone = try await host { $0.target = "rbd" }.run("plan", image.id).succeeded()
    #expect(gone["candidates"].list.contains { $0["reason"].text == "source_missing" }, "\(gone)")
  }

  @Test func whatAKilledProcessLeftOnAVolumeIsCleanedAndNothingElse() async throws {
    let (image, volume) = try await image()
    let stack = volume.stack
    let host = try host()
    let (ours, theirs) = ("slipway.\(UUID().uuidString.lowercased())", "theirs")
    let id = try #require(try await Compare.rbd(volume.image, stack)["id"].text)
    for name in [ours, theirs] {
      _ = try await Compare.workers.run { try stack.rbd("snap", "create", "\(volume.image)@\(name)", "--no-progress") }
    }
    let note = """
      {"version":1,"image":"\(id)","snapshot":"\(ours)","owner":{"host":"gone","boot":"b","pid":1,"started":1},"taken":1}
      """
    try await volume.rados("setomapval", "slipway.snapshots", ours, note)
    try await host.run("cache", "clean").succeeded()
    #expect(try await volume.snapshots() == [theirs])
    #expect(try await !volume.notes().contains(ours))
    _ = try await Compare.workers.run { try stack.rbd("snap", "rm", "\(volume.image)@\(theirs)", "--no-progress") }
    try await volume.delete()
    _ = image
  }

  @Test func doctorTriesCinderAndItsBackends() async throws {
    let checks = try await host().run("doctor").document()["checks"].list
    for name in ["volume service", "backend stack@ceph#ceph"] {
      let check = try #require(checks.first { $0["name"].text == name }, "\(checks)")
      #expect(check["status"].text == "ok", "\(check)")
    }
    let half = try await host { $0.more = [] }.run("doctor").document()["checks"].list
    #expect(half.contains { $0["name"].text == "volumes" && $0["status"].text == "warning" }, "\(half)")
  }
}

import Ceph
import Foundation
import Logging
import Model
import Runtime
import Testing

@testable import Disks

/// Whose a disk and its name are, where names, clones and locks could mislead.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct DiskClaimTests {
  let stack: Stack
  let scratch: Scratch
  let context = RequestContext(logger: Logger(label: "test"), deadline: .after(.seconds(60)))

  init() throws {
    stack = try Stack.current()
    scratch = try Scratch()
  }

  /// Runs `body` with the pools `vms` and `images`, and closes them in every case.
  func withPools(_ body: (Pool, Pool) async throws -> Void) async throws {
    let cluster = try await Cluster.connect(
      ClusterOptions(name: "main", conf: try stack.conf, user: "slipway", timeout: .seconds(10)))
    let (vms, images) = (try await cluster.pool("vms"), try await cluster.pool("images"))
    let result: Result<Void, any Error>
    do {
      result = .success(try await body(vms, images))
    } catch {
      result = .failure(error)
    }
    await vms.close()
    await images.close()
    await cluster.close()
    try result.get()
  }

  func make(_ name: String, of image: String, _ vms: Pool, _ images: Pool) async throws -> DiskInfo {
    let record = DiskRecord(
      name: try DiskName(name), request: DiskRequest(image: image, target: .rbd, size: ByteCount(16 << 20)), route: .clone, source: nil,
      base: nil, created: "2026-01-01T00:00:00Z")
    let location = RBDLocation(fsid: vms.cluster.fsid.text, pool: "images", image: image, snapshot: "snap")
    let parent = CloneParent(pool: images, location: location, size: 8 << 20, order: 23)
    return try await RBDDisks(pool: vms).clone(record, from: parent, context: context).0
  }

  @Test func aCloneOfADiskOfOursIsNotOurs() async throws {
    let (image, name, copy) = ("parent-\(UUID().uuidString)", "disk-\(UUID().uuidString)", "copy-\(UUID().uuidString)")
    try stack.makeImage(image, file: scratch.sparse("i", size: 8 << 20, runs: [(0, 8192)], seed: 1))
    defer { stack.removeImage(image) }
    try await withPools { vms, images in
      _ = try await make(name, of: image, vms, images)
      // What Cinder and Nova do: librbd copies the parent's metadata, our record and its "ready" with it.
      try stack.rbd("snap", "create", "vms/\(name)@s", "--no-progress")
      try stack.rbd("clone", "--rbd-default-clone-format", "2", "vms/\(name)@s", "vms/\(copy)")
      #expect(try stack.rbd("image-meta", "get", "vms/\(copy)", "slipway.state").hasPrefix("ready"))
      let disks = RBDDisks(pool: vms)
      let shown = await #expect(throws: SlipwayError.self) { _ = try await disks.show(DiskName(copy)) }
      #expect(shown?.code == .notOurs)
      let deleted = await #expect(throws: SlipwayError.self) { _ = try await disks.delete(DiskName(copy), context: context) }
      #expect(deleted?.code == .notOurs)
      let listed = try await disks.list().disks.map(\.path)
      #expect(!listed.contains("vms/\(copy)"))
      #expect(listed.contains("vms/\(name)"))
      try stack.rbd("rm", "vms/\(copy)", "--no-progress")
      try stack.rbd("snap", "rm", "vms/\(name)@s", "--no-progress")
      #expect(try await disks.delete(DiskName(name), context: context))
    }
  }

  @Test func aDiskOfAnImageThatWasADiskCarriesItsOwnRecord() async throws {
    let (image, name) = ("parent-\(UUID().uuidString)", "disk-\(UUID().uuidString)")
    try stack.rbd("create", "--size", "8M", "images/\(image)")
    try stack.rbd("image-meta", "set", "images/\(image)", "slipway.state", "ready")
    try stack.rbd("image-meta", "set", "images/\(image)", "slipway.record", "{\"version\":99}")
    try stack.rbd("snap", "create", "images/\(image)@snap", "--no-progress")
    try stack.rbd("snap", "protect", "images/\(image)@snap")
    defer { stack.removeImage(image) }
    try await withPools { vms, images in
      let made = try await make(name, of: image, vms, images)
      let shown = try await RBDDisks(pool: vms).show(DiskName(name))
      #expect(shown == made)
      #expect(try await RBDDisks(pool: vms).delete(DiskName(name), context: context))
    }
  }

  @Test func aClaimThatOthersTookAndLeftIsLost() async throws {
    try await withPools { vms, _ in
      let name = try DiskName("claim-\(UUID().uuidString)")
      let claim = try await RBDClaim.acquire(pool: vms, name: name, work: .create, request: nil, context: context) { _ in }
      try await claim.check()
      // We slept beyond our lease; another took the claim over, did its work and left.
      try await vms.removeObject(claim.object)
      let error = await #expect(throws: SlipwayError.self) { try await claim.check() }
      #expect(error?.code == .busy)
      await claim.release()
      #expect(try await vms.readObject(claim.object) == nil)
    }
  }

  @Test func onlyTheLockOfTheOneThatWasJudgedIsBroken() async throws {
    try await withPools { vms, _ in
      let object = "lock-\(UUID().uuidString)"
      func take(_ cookie: String) async throws -> Bool {
        try await vms.lockObject(object, lock: "l", cookie: cookie, description: "test", lease: .seconds(60))
      }
      #expect(try await take("living"))
      try await vms.breakLock(object, lock: "l", cookie: "dead")
      let early = try await take("next")
      #expect(!early)
      try await vms.breakLock(object, lock: "l", cookie: "living")
      #expect(try await take("next"))
      try await vms.removeObject(object)
    }
  }
}

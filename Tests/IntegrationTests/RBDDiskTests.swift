import Ceph
import Disks
import Foundation
import Logging
import Model
import Runtime
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct RBDDiskTests {
  let stack: Stack
  let scratch: Scratch
  let image = "parent-\(UUID().uuidString)"

  init() throws {
    stack = try Stack.current()
    scratch = try Scratch()
  }

  /// One connection with its pools, as one host has it.
  struct Host {
    let cluster: Cluster
    let vms: Pool
    let images: Pool
    var disks: RBDDisks { RBDDisks(pool: vms) }

    func close() async {
      await vms.close()
      await images.close()
      await cluster.close()
    }
  }

  func host(_ user: String = "slipway") async throws -> Host {
    let cluster = try await Cluster.connect(ClusterOptions(name: "main", conf: try stack.conf, user: user, timeout: .seconds(10)))
    return Host(cluster: cluster, vms: try await cluster.pool("vms"), images: try await cluster.pool("images"))
  }

  func context(_ deadline: Duration = .seconds(60)) -> RequestContext {
    RequestContext(logger: Logger(label: "test"), deadline: .after(deadline))
  }

  func record(_ name: String, size: Int64 = 64 << 20) throws -> DiskRecord {
    DiskRecord(
      name: try DiskName(name), request: DiskRequest(image: image, target: .rbd, size: ByteCount(size)), route: .clone, source: nil,
      base: nil,
      created: "2026-01-01T00:00:00Z")
  }

  func parent(_ host: Host) async throws -> CloneParent {
    let opened = try await host.images.open(image, snapshot: "snap")
    let parent = CloneParent(
      pool: host.images, location: RBDLocation(fsid: host.cluster.fsid.text, pool: "images", image: image, snapshot: "snap"),
      size: opened.size, order: opened.order)
    await opened.close()
    return parent
  }

  func withParent(_ body: (Host) async throws -> Void) async throws {
    let file = try scratch.sparse("i", size: 16 << 20, runs: [(0, 8192), (9 << 20, 1 << 20)], seed: 3)
    try stack.makeImage(image, file: file)
    let host = try await host()
    do {
      try await body(host)
    } catch {
      await host.close()
      stack.removeImage(image)
      throw error
    }
    await host.close()
    stack.removeImage(image)
  }

  @Test func aCloneIsMadeGrownRecordedAndDeleted() async throws {
    try await withParent { host in
      let name = "disk-\(UUID().uuidString)"
      let parent = try await parent(host)
      let (info, outcome) = try await host.disks.clone(record(name), from: parent, context: context())
      #expect(outcome == .created)
      #expect(info.size.bytes == 64 << 20)
      let described = try stack.rbd("info", "vms/\(name)", "--format", "json")
      #expect(described.contains("\"size\":67108864"))
      #expect(described.contains("\"order\":23"))
      #expect(try stack.rbd("image-meta", "get", "vms/\(name)", "slipway.state").hasPrefix("ready"))
      #expect(try await host.disks.list().disks.contains { $0.record.name.text == name })
      let (_, again) = try await host.disks.clone(record(name), from: parent, context: context())
      #expect(again == .existing)
      let conflict = await #expect(throws: SlipwayError.self) {
        _ = try await host.disks.clone(record(name, size: 128 << 20), from: parent, context: context())
      }
      #expect(conflict?.code == .nameConflict)
      #expect(try await host.disks.delete(DiskName(name), context: context()))
      let twice = try await host.disks.delete(DiskName(name), context: context())
      #expect(!twice)
      let rados = try Command.run("rados", ["-c", try stack.text("ceph", "admin_conf"), "-p", "vms", "ls"]).requireSuccess().output
      #expect(!rados.contains("slipway.disk.\(name)"))
    }
  }

  @Test func shrinkingIsRefusedBeforeAnythingIsMade() async throws {
    try await withParent { host in
      let name = "disk-\(UUID().uuidString)"
      let error = await #expect(throws: SlipwayError.self) {
        _ = try await host.disks.clone(record(name, size: 1 << 20), from: parent(host), context: context())
      }
      #expect(error?.code == .sizeTooSmall)
      let left = try await host.vms.images()
      #expect(!left.contains(name))
    }
  }

  @Test func twoHostsAtOnceMakeOneDisk() async throws {
    try await withParent { first in
      let second = try await host()
      let name = "disk-\(UUID().uuidString)"
      async let a = first.disks.clone(record(name), from: parent(first), context: context())
      async let b = second.disks.clone(record(name), from: parent(second), context: context())
      let outcomes = Set([try await a.1, try await b.1])
      #expect(outcomes == [.created, .existing])
      _ = try await first.disks.delete(DiskName(name), context: context())
      await second.close()
    }
  }

  @Test func deletingWhileCreatingLeavesNothing() async throws {
    try await withParent { host in
      for round in 0..<6 {
        let name = "disk-\(UUID().uuidString)"
        let parent = try await parent(host)
        let making = Task { try? await host.disks.clone(record(name), from: parent, context: context()) }
        try await Task.sleep(for: .milliseconds(8 * round))
        _ = try await host.disks.delete(DiskName(name), context: context())
        _ = await making.value
        // The making may also have begun after the deletion was through: then it stands whole, and a second deletion takes it.
        if let info = try? await host.disks.show(DiskName(name)) { #expect(info.state == .ready) }
        _ = try await host.disks.delete(DiskName(name), context: context())
        let left = try await host.vms.images()
        #expect(!left.contains(name))
      }
    }
  }

  @Test func anImageOfSomebodyElseIsNeitherTakenNorDeleted() async throws {
    try await withParent { host in
      let name = "foreign-\(UUID().uuidString)"
      try stack.rbd("create", "--size", "1M", "vms/\(name)")
      let create = await #expect(throws: SlipwayError.self) {
        _ = try await host.disks.clone(record(name), from: parent(host), context: context())
      }
      #expect(create?.code == .notOurs)
      let delete = await #expect(throws: SlipwayError.self) { _ = try await host.disks.delete(DiskName(name), context: context()) }
      #expect(delete?.code == .notOurs)
      #expect(try await host.vms.images().contains(name))
      try stack.rbd("rm", "vms/\(name)", "--no-progress")
    }
  }

  @Test func aDiskInUseIsNotDeleted() async throws {
    try await withParent { host in
      let name = "disk-\(UUID().uuidString)"
      _ = try await host.disks.clone(record(name), from: parent(host), context: context())
      let open = try await host.vms.open(name, readOnly: false)
      let error = await #expect(throws: SlipwayError.self) {
        _ = try await host.disks.delete(DiskName(name), context: context(.seconds(2)))
      }
      #expect(error?.code == .inUse)
      await open.close()
      #expect(try await host.disks.delete(DiskName(name), context: context()))
    }
  }

  @Test func whatADeadMakerLeftIsRemovedAndMadeAgain() async throws {
    try await withParent { host in
      let name = "disk-\(UUID().uuidString)"
      // A maker that died between the clone and its record: the claim's object is there, its lock is over, its process gone.
      let dead = try await self.host()
      let instance = dead.cluster.instance
      try await dead.vms.clone(
        from: dead.images, image: image, snapshot: "snap", to: name, options: CloneOptions(features: 1, order: 23))
      await dead.close()
      let orphan = await #expect(throws: SlipwayError.self) { _ = try await host.disks.delete(DiskName(name), context: context()) }
      #expect(orphan?.code == .notOurs, "without an intent nobody knows whose it is")
      let intent = """
        {"work":"create","owner":{"host":"h","boot":"b","pid":1,"started":1},"instance":\(instance),"cookie":"c"}
        """
      let claim = "slipway.disk.\(name)"
      #expect(try await host.vms.lockObject(claim, lock: "slipway", cookie: "c", description: "dead", lease: .seconds(60)))
      try await host.vms.writeObject(claim, Array(intent.utf8), attribute: ("cookie", "c"), removing: "cancel")
      try await host.vms.unlockObject(claim, lock: "slipway", cookie: "c")
      let (_, outcome) = try await host.disks.clone(record(name), from: parent(host), context: context())
      #expect(outcome == .created)
      _ = try await host.disks.delete(DiskName(name), context: context())
    }
  }

  /// A dead client's watch outlives it by half a minute: nobody waits for that, what it left goes by way of the trash.
  @Test func leavingsThatSomebodyStillHasOpenAreNoObstacle() async throws {
    try await withParent { host in
      let name = "disk-\(UUID().uuidString)"
      let dead = try await self.host()
      let instance = dead.cluster.instance
      try await dead.vms.clone(
        from: dead.images, image: image, snapshot: "snap", to: name, options: CloneOptions(features: 1, order: 23))
      let intent = """
        {"work":"create","owner":{"host":"h","boot":"b","pid":1,"started":1},"instance":\(instance),"cookie":"c"}
        """
      let claim = "slipway.disk.\(name)"
      #expect(try await host.vms.lockObject(claim, lock: "slipway", cookie: "c", description: "dead", lease: .seconds(60)))
      try await host.vms.writeObject(claim, Array(intent.utf8), attribute: ("cookie", "c"), removing: "cancel")
      try await host.vms.unlockObject(claim, lock: "slipway", cookie: "c")
      let watched = try await dead.vms.open(name, readOnly: false)
      let id = watched.id
      let (_, outcome) = try await host.disks.clone(record(name), from: parent(host), context: context())
      #expect(outcome == .created)
      let queue = TrashQueue(host.vms)
      let noted = try await queue.entries().first { $0.id == id }
      let entry = try #require(noted)
      if case .held = try await queue.retry(entry) {} else { Issue.record("an image that is open was removed") }
      await watched.close()
      await dead.close()
      // By this call or by another test's cleaning.
      if case .held(let why) = try await queue.retry(entry) { Issue.record("it was not removed: \(why)") }
      let left = try await queue.entries().contains { $0.id == id }
      #expect(!left)
      #expect(try await host.disks.delete(DiskName(name), context: context()))
      #expect(try await host.vms.readObject(claim) == nil)
    }
  }

  @Test func aParentThatTheDiskUserCannotReadIsDenied() async throws {
    try await withParent { _ in
      let trapped = try await host("slipway-noread")
      let error = await #expect(throws: SlipwayError.self) { _ = try await trapped.images.open(image, snapshot: "snap") }
      #expect(error?.code == .permissionDenied)
      await trapped.close()
    }
  }
}

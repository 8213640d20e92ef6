import Ceph
import Foundation
import Model
import Runtime
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct CephHandleTests {
  let stack: Stack
  init() throws { stack = try Stack.current() }

  func connect(_ user: String = "slipway", conf: String? = nil, timeout: Duration = .seconds(10)) async throws -> Cluster {
    try await Cluster.connect(ClusterOptions(name: "main", conf: try conf ?? stack.conf, user: user, timeout: timeout))
  }

  @Test func tellsTheFsid() async throws {
    let cluster = try await connect()
    #expect(cluster.fsid.text == (try stack.fsid))
    await cluster.close()
  }

  @Test func aWrongKeyIsPermissionDenied() async throws {
    let scratch = try Scratch()
    let keyring = scratch.file("keyring")
    try "[client.slipway]\n\tkey = AQD0000000000BAAeIGh6Jkv4eYBf5VnVYbBQQ==\n".write(toFile: keyring, atomically: true, encoding: .utf8)
    let conf = scratch.file("ceph.conf")
    let host = try stack.text("ceph", "mon_host")
    try "[global]\nfsid = \(try stack.fsid)\nmon host = \(host)\nkeyring = \(keyring)\n".write(
      toFile: conf, atomically: true, encoding: .utf8)
    let error = await #expect(throws: SlipwayError.self) { try await connect(conf: conf) }
    #expect(error?.code == .permissionDenied)
    #expect(error?.description.contains("AQD0") == false)
  }

  @Test func aMonitorThatIsNotThereIsUnreachableWithinTheTimeout() async throws {
    let scratch = try Scratch()
    let conf = scratch.file("ceph.conf")
    let keyring = stack.dir + "/etc/ceph.client.slipway.keyring"
    try "[global]\nmon host = [v2:127.0.0.1:1,v1:127.0.0.1:2]\nkeyring = \(keyring)\n".write(
      toFile: conf, atomically: true, encoding: .utf8)
    let error = await #expect(throws: SlipwayError.self) { try await connect(conf: conf, timeout: .seconds(2)) }
    #expect(error?.code == .clusterUnreachable)
  }

  @Test func aMissingKeyringIsAConfigurationError() async throws {
    let error = await #expect(throws: SlipwayError.self) { try await connect("nobody") }
    #expect(error?.code == .configuration || error?.code == .permissionDenied)
  }

  @Test func anImageGetsNoMoreSnapshotsThanItMayHave() async throws {
    let cluster = try await connect()
    let pool = try await cluster.pool("vms")
    let name = "it-\(UUID().uuidString)"
    try await pool.create(name, size: ByteCount(4 << 20), options: CloneOptions(features: cluster.defaultFeatures, order: 22))
    let image = try await pool.open(name, readOnly: false)
    for snapshot in ["a", "b"] { try await image.createSnapshot(snapshot, limit: 2) }
    let refused = await #expect(throws: SlipwayError.self) { try await image.createSnapshot("c", limit: 2) }
    #expect(refused?.code == .inUse)
    #expect(try await image.snapshots().map(\.name) == ["a", "b"])
    for snapshot in ["a", "b"] { try await image.removeSnapshot(snapshot) }
    await image.close()
    try await pool.remove(name)
    await pool.close()
    await cluster.close()
  }

  @Test func whatIsMissingIsNamed() async throws {
    let cluster = try await connect()
    let noPool = await #expect(throws: SlipwayError.self) { _ = try await cluster.pool("nothere") }
    #expect(noPool?.code == .sourceNotFound)
    let pool = try await cluster.pool("images")
    let noImage = await #expect(throws: SlipwayError.self) { _ = try await pool.open("nothere", snapshot: "snap") }
    #expect(noImage?.code == .sourceNotFound)
    #expect(noImage?.object == "images/nothere@snap")
    await pool.close()
    await cluster.close()
  }

  @Test func handlesCloseInOrderAlsoWhenTheClusterIsClosedFirst() async throws {
    let scratch = try Scratch()
    let name = "order-\(UUID().uuidString)"
    try stack.makeImage(name, file: scratch.sparse("i", size: 4 << 20, runs: [(0, 4096)], seed: 1))
    defer { stack.removeImage(name) }
    let cluster = try await connect()
    let pool = try await cluster.pool("images")
    let image = try await pool.open(name, snapshot: "snap")
    let closing = Task { await cluster.close() }
    try await Task.sleep(for: .milliseconds(50))
    // The image is still open, so it still reads: closing the cluster waits for it.
    let buffer = Buffer(capacity: 4096)
    try await image.read(at: 0, length: 4096, into: buffer)
    await image.close()
    await pool.close()
    await closing.value
    await #expect(throws: SlipwayError.self) { _ = try await cluster.pool("images") }
  }

  @Test func extentsAndBytesAreThoseOfTheFile() async throws {
    let scratch = try Scratch()
    let name = "extents-\(UUID().uuidString)"
    let file = try scratch.sparse("i", size: 40 << 20, runs: [(0, 1 << 20), (17 << 20, 3 << 20)], seed: 2)
    try stack.makeImage(name, file: file)
    defer { stack.removeImage(name) }
    let cluster = try await connect("slipway-image")
    let pool = try await cluster.pool("images")
    let image = try await pool.open(name, snapshot: "snap")
    let content = try Data(contentsOf: URL(fileURLWithPath: file))
    for whole in [false, true] {
      let extents = try await image.extents(from: 0, to: image.size, wholeObjects: whole)
      #expect(extents.first?.offset == 0)
      #expect(extents.last?.end == image.size)
      #expect(zip(extents, extents.dropFirst()).allSatisfy { $0.end == $1.offset })
      for extent in extents where extent.isData {
        let buffer = Buffer(capacity: Int(extent.length))
        try await image.read(at: extent.offset, length: Int(extent.length), into: buffer)
        #expect(Data(buffer.memory) == content[Int(extent.offset)..<Int(extent.end)])
      }
      for extent in extents where !extent.isData {
        #expect(content[Int(extent.offset)..<Int(extent.end)].allSatisfy { $0 == 0 })
      }
    }
    await image.close()
    await pool.close()
    await cluster.close()
  }
}

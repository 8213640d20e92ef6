import Ceph
import Foundation
import Model
import Runtime
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct CloseUnderLoadTests {
  let stack: Stack
  init() throws { stack = try Stack.current() }

  @Test func closingWithReadsInFlightNeitherHangsNorBlocksLibrbd() async throws {
    let scratch = try Scratch()
    let name = "inflight-\(UUID().uuidString)"
    try stack.makeImage(name, file: scratch.sparse("i", size: 16 << 20, runs: [(0, 16 << 20)], seed: 4))
    defer { stack.removeImage(name) }
    for _ in 0..<4 {
      let cluster = try await Cluster.connect(
        ClusterOptions(name: "main", conf: try stack.conf, user: "slipway-image", timeout: .seconds(30)))
      let pool = try await cluster.pool("images")
      let image = try await pool.open(name, snapshot: "snap")
      let reads = (0..<32).map { number in
        Task {
          let buffer = Buffer(capacity: 1 << 19)
          try await image.read(at: Int64(number) << 19, length: 1 << 19, into: buffer)
        }
      }
      try await Task.sleep(for: .milliseconds(2))
      await image.close()
      await pool.close()
      let start = ContinuousClock.now
      await cluster.close()
      // The limit of `close` is 40 seconds here: coming near it means that something hangs.
      #expect(ContinuousClock.now - start < .seconds(35))
      for read in reads { _ = await read.result }
    }
  }

  @Test func aPoolThatIsClosedAfterItsClusterDoesNotHang() async throws {
    let cluster = try await Cluster.connect(
      ClusterOptions(name: "main", conf: try stack.conf, user: "slipway-image", timeout: .seconds(1)))
    let pool = try await cluster.pool("images")
    // Busy enough that all threads of the connection exist.
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<24 { group.addTask { _ = try? await pool.images() } }
    }
    await cluster.close()
    await pool.close()
    await cluster.close()
  }
}

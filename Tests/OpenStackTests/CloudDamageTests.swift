import Foundation
import Model
import OpenStack
import TestSupport
import Testing

/// clouds.yaml with seeded damage: whatever stands there is a cloud or one clean error.
@Suite(.timeLimit(.minutes(2))) struct CloudDamageTests {
  @Test func aDamagedFileIsACloudOrAnErrorOfConfiguration() async throws {
    let folder = NSTemporaryDirectory() + "slipway-clouds-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let good = Array(CloudFilesTests.password.utf8)
    let files = CloudFiles(environment: [:], currentDirectory: folder, systemDirectory: "/nonexistent")
    var random = SplitMix64(seed: 11)
    var (read, refused) = (0, 0)
    for round in 0..<400 {
      await Task.yield()
      try Data(good.damaged(by: Array("- ? | > &a *a [{]}: !!binary \t\u{85}'\"".utf8), using: &random))
        .write(to: URL(fileURLWithPath: folder + "/clouds.yaml"))
      do throws(SlipwayError) {
        _ = try files.load("prod")
        read += 1
      } catch {
        refused += 1
        #expect(error.code == .configuration, "round \(round): \(error.message)")
      }
    }
    // Damage of both kinds, else nothing was tested.
    #expect(read > 20 && refused > 20, "\(read) read, \(refused) refused")
  }
}

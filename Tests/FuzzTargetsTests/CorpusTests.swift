import Foundation
import FuzzTargets
import TestSupport
import Testing

/// What `Scripts/fuzz` found or began with, replayed; and the same with seeded damage, so that the parsers meet new bytes in every build.
@Suite struct CorpusTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Corpus")

  static func files(_ name: String) throws -> [(name: String, bytes: [UInt8])] {
    let place = folder.appendingPathComponent(name)
    return try FileManager.default.contentsOfDirectory(atPath: place.path).sorted().map {
      ($0, [UInt8](try Data(contentsOf: place.appendingPathComponent($0))))
    }
  }

  @Test func everyTargetHasACorpusAndEveryCorpusATarget() throws {
    #expect(try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted() == FuzzTarget.all.map(\.name).sorted())
    for target in FuzzTarget.all { #expect(try !Self.files(target.name).isEmpty) }
  }

  @Test(.timeLimit(.minutes(5)), arguments: FuzzTarget.all.map(\.name))
  func nothingInTheCorpusBreaksItsTarget(name: String) async throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    for file in try Self.files(name) {
      await Task.yield()  // others run beside this, on as few threads
      let wrong = target.check(file.bytes)
      #expect(wrong == nil, "\(name)/\(file.name): \(wrong ?? "")")
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: FuzzTarget.all.map(\.name))
  func damageBreaksNothing(name: String) async throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    var random = SplitMix64(seed: 7)
    let files = try Self.files(name).filter { $0.bytes.count <= 20_000 }
    for round in 0..<150 {
      await Task.yield()
      guard let file = files.randomElement(using: &random) else { return }
      let other = files.randomElement(using: &random)?.bytes ?? []
      let bytes = file.bytes.damaged(by: other, using: &random)
      let wrong = target.check(bytes)
      #expect(wrong == nil, "\(name)/\(file.name) in round \(round): \(wrong ?? "")")
    }
  }
}

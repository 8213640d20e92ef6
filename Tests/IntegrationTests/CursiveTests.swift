import Foundation
import Model
import Testing

/// The same signed images judged by cursive, with which Nova and Glance verify them, and by us; certificates in the real certificate service.
@Suite(.timeLimit(.minutes(30))) struct CursiveTests {
  @Test(arguments: CursiveCase.all) func bothSayWhatIsExpected(one: CursiveCase) async throws {
    let bed = try await CursiveBed.shared()
    let theirs = bed.theirs[one.name].list
    #expect(theirs.first?.text == one.theirs.rawValue, "cursive: \(theirs)")
    let ours = try #require(bed.ours[one.name])
    #expect(ours?.code == one.ours, "ours: \(ours?.message ?? "verified")")
  }

  /// Where they differ on purpose.
  @Test func everyDifferenceIsInTheDecisionAndNoOther() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs/decisions").standardized
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: page.path).first { $0.hasSuffix("-where-we-differ-from-cursive.md") })
    let text = try String(contentsOf: page.appendingPathComponent(name), encoding: .utf8)
    let rows = Set(text.matches(of: /(?m)^\| ([^|]+) \| (ok|refused|crashed|hangs) \| ([a-z_]+) \|/).map { "\($0.1) | \($0.2) | \($0.3)" })
    let differences = CursiveCase.all.filter(\.differs).map { "\($0.name) | \($0.theirs) | \($0.ours?.rawValue ?? "ok")" }
    #expect(rows.subtracting(differences).sorted() == [])
    #expect(Set(differences).subtracting(rows).sorted() == [])
  }

  @Test func eachCaseIsOne() {
    #expect(Set(CursiveCase.all.map(\.name)).count == CursiveCase.all.count)
  }
}

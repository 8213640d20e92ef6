import Foundation
import Model
import Testing

/// `docs/guides/troubleshooting.md` has a word of advice for everything that can be said.
@Suite struct TroubleshootingTests {
  private func page() throws -> ReferencePage { try ReferencePage("../guides/troubleshooting.md") }

  @Test("every exit code has its row, in order")
  func exitCodes() throws {
    let wanted = Set(ErrorCode.allCases.map(\.exitCode)).union([0]).sorted().map { "\($0)" }
    #expect(try page().rows("By exit code").map { $0[0] } == wanted)
  }

  @Test("every reason for a refusal has one row")
  func reasons() throws {
    let told = try page().rows("By reason").flatMap { ReferencePage.code($0[0]) }
    let wanted = Reason.allCases.filter { $0 != .ok && $0 != .notTried }.map(\.rawValue)
    #expect(told.sorted() == wanted.sorted())
  }
}

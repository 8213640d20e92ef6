import Cleaner
import Model
import Testing

/// `errors.md`, `reasons.md` and `routes.md` are what the code's closed sets say.
@Suite struct WordsReferenceTests {
  @Test("errors.md has every code with its exit code, HTTP status and advice")
  func errors() throws {
    let page = try ReferencePage("errors.md")
    let rows = page.rows("Codes")
    let wanted = ErrorCode.allCases.map { "`\($0.rawValue)` | \($0.exitCode) | \($0.httpStatus) | \($0.retry.rawValue)" }
    compare(page, "Codes", rows: rows.map { $0.prefix(4).joined(separator: " | ") }, with: wanted)
    #expect(rows.allSatisfy { $0.count == 5 && $0[4].count > 10 }, "every code has a meaning")
  }

  @Test("errors.md has every exit code, in order")
  func exitCodes() throws {
    let page = try ReferencePage("errors.md")
    let wanted = Set(ErrorCode.allCases.map(\.exitCode)).union([0]).sorted().map { "\($0)" }
    #expect(page.rows("Exit codes").map { $0[0] } == wanted)
  }

  @Test("reasons.md has every reason and whether it passes")
  func reasons() throws {
    let page = try ReferencePage("reasons.md")
    let rows = page.rows("Reasons")
    let wanted = Reason.allCases.map { reason in
      let kind = reason == .ok || reason == .notTried ? "-" : reason.isTransient ? "transient" : "permanent"
      return "`\(reason.rawValue)` | \(kind)"
    }
    compare(page, "Reasons", rows: rows.map { $0.prefix(2).joined(separator: " | ") }, with: wanted)
    #expect(rows.allSatisfy { $0.count == 3 && $0[2].count > 10 }, "every reason has a meaning")
  }

  @Test("cli.md has every word of a cleaning, in its row")
  func cleaning() throws {
    let page = try ReferencePage("cli.md")
    let words = [
      "`evicted[].rule`": CleanRule.allCases.map(\.rawValue), "`kept[].reason`": KeepReason.allCases.map(\.rawValue),
      "`blocked[].reason`": Barrier.Reason.allCases.map(\.rawValue),
    ]
    for (key, wanted) in words {
      let row = page.rows("clean").first { $0[0] == key }
      let told = ReferencePage.code(row?[1] ?? "")
      #expect(Set(told) == Set(wanted), "\(page.path), section 'clean': the row of \(key) tells the words \(wanted)")
    }
  }

  @Test("routes.md has every route, for targets that there are")
  func routes() throws {
    let page = try ReferencePage("routes.md")
    let rows = page.rows("Routes")
    compare(page, "Routes", rows: rows.map { $0[0] }, with: Route.allCases.map { "`\($0.rawValue)`" })
    for row in rows { #expect(ReferencePage.code(row[1]).allSatisfy { Target(rawValue: $0) != nil } && row.count == 4) }
  }
}

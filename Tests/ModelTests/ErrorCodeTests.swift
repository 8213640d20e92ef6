import Model
import Testing

@Suite struct ErrorCodeTests {
  @Test func everyExitCodeIsOfTheContract() {
    let allowed: Set<Int32> = [1, 2, 3, 4, 5, 6, 7, 8, 130]
    for code in ErrorCode.allCases { #expect(allowed.contains(code.exitCode), "\(code)") }
  }

  @Test func namesAreSnakeCase() {
    for code in ErrorCode.allCases { #expect(code.rawValue.allSatisfy { $0.isLowercase || $0 == "_" }, "\(code)") }
  }

  @Test func acceptedMeansOK() {
    for reason in Reason.allCases { #expect(Candidate(url: nil, route: .clone, reason: reason).accepted == (reason == .ok)) }
  }
}

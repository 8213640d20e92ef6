import Model
import Runtime
import Testing

@testable import Agent

/// One bar for several images, in absolute bytes.
@Suite struct TotalProgressTests {
  let seen = Locked<[Progress]>([])

  func total(_ sizes: [Int64?]) -> TotalProgress {
    let seen = seen
    return TotalProgress(sizes: sizes) { progress in seen.with { $0.append(progress) } }
  }

  var last: Progress? { seen.with { $0.last } }

  @Test func positionsAddUp() {
    let total = total([100, 50])
    total.update(0, Progress(phase: .transferring, position: 30, total: 100))
    total.update(1, Progress(phase: .transferring, position: 20, total: 50))
    #expect(last == Progress(phase: .transferring, position: 50, total: 150))
  }

  @Test func whatNeedNotBeMovedIsBehindUs() {
    let total = total([100, 50])
    total.finish(1)
    #expect(last == Progress(phase: .transferring, position: 50, total: 150))
    total.finish(0)
    #expect(last == Progress(phase: .transferring, position: 150, total: 150))
  }

  @Test func theTotalIsNotToldBeforeEverySizeIsKnown() {
    let total = total([100, nil])
    total.update(0, Progress(phase: .transferring, position: 10, total: 100))
    #expect(last?.total == nil)
    total.update(1, Progress(phase: .transferring, position: 1, total: 7))
    #expect(last == Progress(phase: .transferring, position: 11, total: 107))
  }

  @Test func itNeverRunsBackwards() {
    let total = total([100])
    total.update(0, Progress(phase: .transferring, position: 60, total: 100))
    // Another source, from the beginning; then a conversion of what came.
    total.update(0, Progress(phase: .transferring, position: 0, total: 100))
    total.update(0, Progress(phase: .converting, position: 1, total: 100))
    #expect(last?.position == 60)
    total.finish(0)
    total.update(0, Progress(phase: .transferring, position: 70, total: 100))
    #expect(last?.position == 100)
  }

  @Test func oneWithoutASizeThatCameToNothingIsForgotten() {
    let total = total([100, nil])
    total.finish(1)
    total.update(0, Progress(phase: .transferring, position: 100, total: 100))
    #expect(last == Progress(phase: .transferring, position: 100, total: 100))
  }

  @Test func sizesFromOutsideDoNotOverflow() {
    let total = total([.max, .max, 5])
    total.update(2, Progress(phase: .transferring, position: 5, total: 5))
    total.finish(0)
    total.finish(1)
    #expect(last == Progress(phase: .transferring, position: .max, total: .max))
  }
}

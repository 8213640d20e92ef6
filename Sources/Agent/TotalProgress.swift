internal import Model
internal import Runtime

/// Adds up the progress of several transfers, in absolute bytes.
final class TotalProgress: Sendable {
  private struct Item: Sendable {
    var position: Int64 = 0
    var total: Int64?
    var isDone = false
  }
  private let items: Locked<[Item]>
  private let report: @Sendable (Progress) -> Void

  /// Of images with these sizes in bytes; nil for one that is not known before it comes.
  init(sizes: [Int64?], report: @escaping @Sendable (Progress) -> Void) {
    items = Locked(sizes.map { Item(total: $0) })
    self.report = report
  }

  /// Image `index` is so far. Only what moves counts: a conversion is no second transfer.
  func update(_ index: Int, _ progress: Progress) {
    guard progress.phase == .transferring else { return }
    tell { items in
      guard !items[index].isDone else { return }
      if let total = progress.total { items[index].total = total }
      // A source that failed is begun again; what was counted stays counted.
      items[index].position = max(items[index].position, progress.position)
    }
  }

  /// Image `index` is through, fetched or not: all of it is behind us.
  func finish(_ index: Int) {
    tell { items in
      items[index].isDone = true
      items[index].position = items[index].total ?? items[index].position
      items[index].total = items[index].position
    }
  }

  private func tell(_ change: (inout [Item]) -> Void) {
    let progress = items.with { items -> Progress in
      change(&items)
      let position = items.map(\.position).saturatingSum
      // Not known until every size is: a total that grows would run backwards.
      let isKnown = items.allSatisfy { $0.total != nil }
      return Progress(
        phase: .transferring, position: position, total: isKnown ? items.map { max($0.total ?? 0, $0.position) }.saturatingSum : nil)
    }
    report(progress)
  }
}

extension Sequence<Int64> {
  /// The sum, at most the largest number: sizes come from outside, and a wrong one must not end the process.
  var saturatingSum: Int64 {
    reduce(0) { sum, next in
      let (total, overflow) = sum.addingReportingOverflow(next)
      return overflow ? .max : total
    }
  }
}

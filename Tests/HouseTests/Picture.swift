import Foundation

/// The picture of the house in `docs/architecture.md`: the one place that says which room stands in which tier.
struct Picture {
  /// Rooms by tier, the ground first.
  let tiers: [[String]]
  /// What each room is for, of the list beneath the picture; a room told twice stands in it twice.
  let purposes: [(room: String, purpose: String)]

  init() throws {
    try self.init(text: String(contentsOf: root.appendingPathComponent("docs/architecture.md"), encoding: .utf8))
  }

  /// In the first fenced block rooms stand in brackets, and a line of dashes divides tiers, the highest above. The list has lines
  /// "- `Room`: purpose".
  init(text: String) throws {
    let parts = text.components(separatedBy: "```")
    var tiers: [[String]] = [[]]
    for line in parts.dropFirst().first?.split(separator: "\n") ?? [] {
      if line.hasPrefix("---") {
        tiers.append([])
      } else {
        tiers[tiers.count - 1] += line.matches(of: /\[(\w+)\]/).map { String($0.1) }
      }
    }
    self.tiers = tiers.reversed()
    purposes = text.split(separator: "\n").compactMap { line in
      line.wholeMatch(of: /- `(\w+)`: (.+)/).map { (String($0.1), String($0.2)) }
    }
  }

  /// The tier of a room, the ground being 0; nil for one that is not in the picture.
  func tier(of room: String) -> Int? { tiers.firstIndex { $0.contains(room) } }
}

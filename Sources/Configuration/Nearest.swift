/// The nearest known word to one that is not.
public enum Nearest {
  /// The candidate with the least edit distance to `word`; the first of several.
  public static func to(_ word: String, among candidates: [String]) -> String? {
    candidates.min { distance(word, $0) < distance(word, $1) }
  }

  /// How many characters must be put in, left out, or replaced, or neighbours swapped (optimal string alignment).
  public static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8)
    let b = Array(b.utf8)
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
        row.append(cost)
      }
      before = last
      last = row
    }
    return last[b.count]
  }
}

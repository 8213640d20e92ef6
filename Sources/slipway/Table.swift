/// Columns for people: each as wide as its widest cell.
enum Table {
  /// A sentence as lines of `width` columns at most, where its words allow that.
  static func wrapped(_ text: String, indent: Int, width: Int = 80) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(repeating: " ", count: indent) + word)
      }
    }
    return lines
  }

  static func text(_ header: [String], _ rows: [[String]]) -> String {
    let widths = header.indices.map { column in
      ([header] + rows).map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    return ([header] + rows).map { row in
      let cells = row.enumerated().map { index, cell in
        index == row.count - 1 ? cell : cell + String(repeating: " ", count: max(0, widths[index] - cell.count))
      }
      return cells.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

extension Duration {
  /// Seconds with milliseconds.
  var seconds: Double {
    let value = Double(components.seconds) + Double(components.attoseconds) / 1e18
    return (value * 1000).rounded() / 1000
  }
}

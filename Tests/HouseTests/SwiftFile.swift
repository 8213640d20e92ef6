import Foundation

/// A Swift file as text, and the same with comments and the insides of strings blanked, line by line.
struct SwiftFile {
  /// The path from the repository's root.
  let path: String
  let lines: [String]
  let code: [String]

  init(_ url: URL) throws {
    path = String(url.standardizedFileURL.path.dropFirst(root.standardizedFileURL.path.count + 1))
    let text = try String(contentsOf: url, encoding: .utf8)
    self.lines = Self.split(text)
    self.code = Self.split(Self.blanked(text))
  }

  /// All Swift files beneath a folder of the repository, in order; none when it is not there.
  static func all(in folder: String) throws -> [SwiftFile] {
    let base = root.appendingPathComponent(folder)
    let names = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
    return try names.filter { $0.hasSuffix(".swift") }.sorted().map { try SwiftFile(base.appendingPathComponent($0)) }
  }

  /// The modules that it imports, with the line of each, from 1.
  var imports: [(module: String, line: Int)] {
    code.enumerated().compactMap { index, line in
      guard line.contains("import ") else { return nil }
      let pattern =
        /^\s*(?:@\w+ )*(?:(?:public|package|internal|fileprivate|private) )?import (?:(?:struct|class|enum|protocol|func|var|let|typealias) )?(\w+)/
      return line.firstMatch(of: pattern).map { (String($0.1), index + 1) }
    }
  }

  private static func split(_ text: String) -> [String] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  /// Comments and the insides of strings as blanks; line ends stay. Raw strings count as plain ones, interpolations as text.
  static func blanked(_ text: String) -> String {
    enum State { case code, line, block, string, long }
    let bytes = Array(text.utf8)
    let quote = UInt8(ascii: "\"")
    let newline = UInt8(ascii: "\n")
    func at(_ index: Int, _ word: StaticString) -> Bool {
      guard index + word.utf8CodeUnitCount <= bytes.count else { return false }
      return (0..<word.utf8CodeUnitCount).allSatisfy { bytes[index + $0] == word.utf8Start[$0] }
    }
    var state = State.code
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      let width: Int
      switch state {
      case .code:
        if at(index, "//") {
          (state, width) = (.line, 2)
        } else if at(index, "/*") {
          (state, width) = (.block, 2)
        } else if at(index, "\"\"\"") {
          (state, width) = (.long, 3)
        } else if byte == quote {
          (state, width) = (.string, 1)
        } else {
          out.append(byte)
          index += 1
          continue
        }
      case .line: (state, width) = (byte == newline ? .code : .line, 1)
      case .block: (state, width) = at(index, "*/") ? (.code, 2) : (.block, 1)
      case .string where byte == UInt8(ascii: "\\"), .long where byte == UInt8(ascii: "\\"): width = min(2, bytes.count - index)
      case .string: (state, width) = (byte == quote || byte == newline ? .code : .string, 1)
      case .long: (state, width) = at(index, "\"\"\"") ? (.code, 3) : (.long, 1)
      }
      for skipped in bytes[index..<index + width] { out.append(skipped == newline ? newline : UInt8(ascii: " ")) }
      index += width
    }
    return String(decoding: out, as: UTF8.self)
  }
}

/// The text within a VMDK that says what it consists of, read line by line as it passes: no more than one line is kept.
///
/// Rules: oslo.utils `VMDKInspector.check_descriptor` (cases H7 to H11), stricter where readers differ: QEMU looks for `createType` and
/// `parentFileNameHint` anywhere in the text, comments included, so that each may stand in one place only.
struct VMDKDescriptor: Sendable {
  /// `createType`, in lower case; nil while none was seen.
  private(set) var type: String?
  /// Why the text is refused, and whether that is for a parent; nil while it is not.
  private(set) var problem: Problem?
  /// Whether the text came to its end: the first zero byte.
  private(set) var hasEnded = false

  enum Problem: Sendable, Hashable {
    case parent
    case refused(String)
    case damaged(String)
  }

  /// QEMU's own descriptors have no line of more than the file's name and 40 bytes.
  static let longestLine = 4096

  private var line: [UInt8] = []
  private var extents = 0

  mutating func take(_ bytes: [UInt8]) {
    for byte in bytes where !hasEnded && problem == nil {
      switch byte {
      case 0: hasEnded = true
      case 10: endLine()
      case 9, 13, 32..<127:
        line.append(byte)
        if line.count > Self.longestLine { problem = .damaged("its descriptor has a line of more than \(Self.longestLine) bytes") }
      default: problem = .damaged("its descriptor is not ASCII text")
      }
    }
    if hasEnded || problem != nil { endLine() }
  }

  /// There is no more text: what stands in it as a whole.
  mutating func finish() {
    endLine()
    hasEnded = true
    guard problem == nil else { return }
    if type == nil {
      problem = .damaged("its descriptor names no createType")
    } else if extents != 1 {
      problem = extents == 0 ? .damaged("its descriptor names no extent") : .refused("has \(extents) extents, which are not all inside it")
    }
  }

  private mutating func endLine() {
    if line.isEmpty { return }
    let text = String(decoding: line, as: UTF8.self).lowercased()
    line = []
    guard problem == nil else { return }
    let trimmed = String(text.drop(while: \.isBlank).reversed().drop(while: \.isBlank).reversed())
    // In any line, also where it is a comment.
    if trimmed.contains("parentfilenamehint") { return problem = .parent }
    let words = trimmed.split(whereSeparator: \.isBlank).map(String.init)
    if trimmed.contains("createtype"), type != nil || !trimmed.hasPrefix("createtype=") {
      return problem = .damaged("its descriptor speaks of createType in more than one place")
    }
    guard let first = words.first, !trimmed.hasPrefix("#"), !trimmed.hasPrefix("ddb") else { return }
    let parts = trimmed.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    if parts.count == 2, !parts[0].isEmpty, !parts[0].contains(where: \.isBlank) {
      setting(parts[0], parts[1])
    } else if ["rw", "rdonly", "noaccess"].contains(first) {
      extent(words, trimmed)
    } else {
      problem = .damaged("its descriptor has a line that is not known")
    }
  }

  private mutating func setting(_ key: String, _ value: String) {
    switch key {
    case "createtype":
      let name = value.dropFirst().dropLast()
      guard value.hasPrefix("\""), value.hasSuffix("\""), (1..<64).contains(name.count), !name.contains("\"") else {
        return problem = .damaged("its createType is malformed")
      }
      type = String(name)
    case "parentcid":
      if value != "ffffffff" { problem = .parent }
    default: break
    }
  }

  /// `RW 2048 SPARSE "name.vmdk"`: the file itself. Every other type, and every path, is another file.
  private mutating func extent(_ words: [String], _ line: String) {
    extents += 1
    guard words.count >= 4, UInt64(words[1]) != nil else { return problem = .damaged("its descriptor has a malformed extent") }
    guard words[2] == "sparse" else { return problem = .refused("has an extent of type \(Self.shown(words[2])), which is not inside it") }
    let name = line.drop { $0 != "\"" }
    guard name.count > 2, name.hasSuffix("\""), name.filter({ $0 == "\"" }).count == 2 else {
      return problem = .damaged("its descriptor has a malformed extent")
    }
    if name.contains("/") || name.contains("\\") { problem = .refused("has an extent at a path, which is not inside it") }
  }

  /// A word of a stranger's, fit for a sentence.
  static func shown(_ word: String) -> String { String(word.prefix(32)) }
}

extension Character {
  fileprivate var isBlank: Bool { self == " " || self == "\t" || self == "\r" }
}

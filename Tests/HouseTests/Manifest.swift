import Foundation

/// The repository, found from this file's place in it.
let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// A target of `Package.swift`, read from its text: neither the package manager nor its cache is needed.
struct ManifestTarget {
  enum Kind: String { case shipped, clibrary, test, support }

  let name: String
  var kind: Kind
  /// The modules that it declares: targets and products of packages.
  let dependencies: [String]
  /// Its folder from the repository's root.
  let path: String
}

/// The table of targets.
struct Manifest {
  let targets: [String: ManifestTarget]

  init() throws {
    try self.init(text: String(contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8))
  }

  /// Reads `let x = Target.Dependency.product(name: "X", …)` and the calls in the list called `all`.
  init(text: String) throws {
    let code = text.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.drop { $0 == " " }.hasPrefix("//") }.joined(separator: "\n")
    var products: [String: String] = [:]
    for match in code.matches(of: /let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/) { products[String(match.1)] = String(match.2) }
    guard let start = code.range(of: "let all: [Target] = [") else { throw Unreadable(what: "the list of targets") }
    let list = try Self.balanced(code[start.upperBound...], "[", "]", depth: 1)
    var targets: [String: ManifestTarget] = [:]
    for match in list.matches(of: /(room|tests|\.target|\.testTarget|\.executableTarget|\.systemLibrary)\(/) {
      let target = try Self.target(String(match.1), try Self.balanced(list[match.range.upperBound...], "(", ")", depth: 1), products)
      targets[target.name] = target
    }
    self.targets = targets
  }

  private static func target(_ call: String, _ body: Substring, _ products: [String: String]) throws -> ManifestTarget {
    guard let named = body.firstMatch(of: /"(\w+)"/) else { throw Unreadable(what: "the name in '\(body)'") }
    let short = call == "room" || call == "tests"
    var dependencies: [String] = []
    let marker = short ? body[named.range.upperBound...] : body.range(of: "dependencies:").map { body[$0.upperBound...] } ?? ""
    if let open = marker.firstIndex(of: "[") {
      let inner = try balanced(marker[marker.index(after: open)...], "[", "]", depth: 1)
      for match in inner.matches(of: /"(\w+)"|\b(\w+)\b/) {
        if let target = match.1 { dependencies.append(String(target)) }
        if let variable = match.2 {
          guard let product = products[String(variable)] else { throw Unreadable(what: "the dependency '\(variable)'") }
          dependencies.append(product)
        }
      }
    }
    let name = String(named.1) + (call == "tests" ? "Tests" : "")
    if call == "tests" { dependencies.append(String(named.1)) }
    let kind: ManifestTarget.Kind = call == ".systemLibrary" ? .clibrary : call.lowercased().contains("test") ? .test : .shipped
    let folder = kind == .test ? "Tests/\(name)" : "Sources/\(name)"
    let path = body.firstMatch(of: /path: "([^"]+)"/).map { String($0.1) } ?? folder
    return ManifestTarget(
      name: name, kind: kind == .shipped && path.hasPrefix("Tests/") ? .support : kind, dependencies: dependencies, path: path)
  }

  /// The text up to the bracket that closes what is open.
  private static func balanced(_ text: Substring, _ open: Character, _ close: Character, depth: Int) throws -> Substring {
    var depth = depth
    for index in text.indices {
      if text[index] == open { depth += 1 }
      if text[index] == close { depth -= 1 }
      if depth == 0 { return text[..<index] }
    }
    throw Unreadable(what: "a bracket that nothing closes")
  }

  struct Unreadable: Error { let what: String }
}

import Foundation
import Testing

/// What the compiler does not hold: which room may use which, and how files look.
@Suite struct HouseTests {
  /// What comes with Swift and Linux.
  static let platform: Set<String> = [
    "Swift", "Foundation", "FoundationEssentials", "FoundationXML", "Glibc", "Synchronization", "Dispatch",
  ]

  @Test("every file imports only what its target declares")
  func importsAreDeclared() throws {
    var wrong: [String] = []
    var seen = 0
    for target in try Manifest().targets.values {
      let allowed = Self.platform.union(target.dependencies).union(target.kind == .test || target.kind == .support ? ["Testing"] : [])
      for file in try SwiftFile.all(in: target.path) {
        for (module, line) in file.imports {
          seen += 1
          if !allowed.contains(module) { wrong.append("\(file.path):\(line) imports \(module), which \(target.name) does not declare") }
        }
      }
    }
    #expect(wrong.sorted() == [])
    #expect(seen > 50, "the imports were not found")
  }

  @Test("every folder of sources is a target, and every picture's room one that ships")
  func everyFolderIsATarget() throws {
    let manifest = try Manifest()
    for folder in ["Sources", "Tests"] {
      let names = try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path)
      let paths = Set(manifest.targets.values.map(\.path))
      // Tests/Corpus is data.
      for name in names where !name.hasPrefix(".") && name != "Corpus" {
        #expect(paths.contains("\(folder)/\(name)"), "\(folder)/\(name) belongs to no target")
      }
    }
    let shipped = manifest.targets.values.filter { $0.kind == .shipped || $0.kind == .clibrary }.map(\.name)
    #expect(try Picture().tiers.flatMap { $0 }.sorted() == (shipped.filter { $0 != "TestSupport" }).sorted())
  }

  @Test("arrows point down only, and none runs within a tier")
  func arrowsPointDown() throws {
    let manifest = try Manifest()
    let picture = try Picture()
    var wrong: [String] = []
    for target in manifest.targets.values {
      guard let tier = picture.tier(of: target.name) else { continue }
      for dependency in target.dependencies where manifest.targets[dependency] != nil {
        guard let below = picture.tier(of: dependency) else {
          wrong.append("\(target.name) ships and stands on \(dependency), which is for tests")
          continue
        }
        if below >= tier { wrong.append("\(target.name) (tier \(tier)) stands on \(dependency) (tier \(below))") }
      }
    }
    #expect(wrong.sorted() == [])
  }

  @Test("every room has one purpose, told once, and no two the same")
  func onePurposeEach() throws {
    let picture = try Picture()
    let rooms = picture.purposes.map(\.room)
    #expect(rooms.sorted() == picture.tiers.flatMap { $0 }.sorted())
    #expect(Set(picture.purposes.map { $0.purpose.lowercased() }).count == rooms.count)
  }

  @Test("no file is longer than 400 lines")
  func filesAreSmall() throws {
    for file in try SwiftFile.all(in: "Sources") + SwiftFile.all(in: "Tests") {
      #expect(file.lines.count <= 400, "\(file.path) has \(file.lines.count) lines: split it by type or extension")
    }
  }

  @Test("nothing in Sources ends the process where an error could be told, and no Sendable is unchecked without a reason")
  func noTraps() throws {
    var wrong: [String] = []
    for file in try SwiftFile.all(in: "Sources") {
      for (index, line) in file.code.enumerated() {
        let trap = Self.trap(in: line)
        if let trap { wrong.append("\(file.path):\(index + 1) has \(trap)") }
        // The proof stands above, behind, or first in the body.
        let nearby = file.lines[max(0, index - 1)...min(index + 1, file.lines.count - 1)]
        if line.contains("@unchecked Sendable"), !nearby.contains(where: { $0.contains("//") }) {
          wrong.append("\(file.path):\(index + 1) has @unchecked Sendable without a comment that proves it")
        }
      }
    }
    #expect(wrong == [])
  }

  /// What in a line of code (comments and strings blanked) ends the process.
  static func trap(in code: String) -> String? {
    if code.contains("fatalError(") { return "fatalError" }
    guard code.utf8.contains(UInt8(ascii: "!")) else { return nil }
    if code.contains(/\btry!/) { return "try!" }
    if code.contains(/\bas!/) { return "as!" }
    // `!` right behind a name, a bracket or a call is a force unwrap or an implicitly unwrapped type; `!=` is neither.
    return code.contains(/[\w\)\]\}>?]!(?!=)/) ? "a force unwrap" : nil
  }
}

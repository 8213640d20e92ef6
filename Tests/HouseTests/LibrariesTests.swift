import Foundation
import Testing

/// Libraries that are loaded at their first use.
@Suite struct LibrariesTests {
  /// The room of C, and the one above that calls it.
  static let rooms = ["CCeph": "Ceph", "CLibvirt": "Libvirt", "CCurl": "HTTPClient"]

  private func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  @Test("every function that a library is asked for is called, and no two times asked for", arguments: rooms.keys.sorted())
  func listIsWhole(_ room: String) throws {
    let names = try text("Sources/\(room)/functions.h").matches(of: /X\((\w+)\)/).map { String($0.1) }.filter { $0 != "X" }
    let code = try SwiftFile.all(in: "Sources/\(Self.rooms[room] ?? "")").flatMap(\.code).joined(separator: "\n")
    let shim = try text("Sources/\(room)/include/shim.h")
    let words = Set((code + shim).split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
    #expect(names.count > 10)
    #expect(names.filter { !words.contains($0) } == [])
    #expect(names == Set(names).sorted())
  }

  @Test("no module map links what is loaded", arguments: rooms.keys.sorted())
  func nothingLinks(_ room: String) throws {
    #expect(!(try text("Sources/\(room)/include/module.modulemap")).contains("link"))
  }
}

import Testing

/// The readers that the house's rules rest on: a rule that reads nothing holds nothing.
@Suite struct ReadersTests {
  static let manifest = """
    let yams = Target.Dependency.product(name: "Yams", package: "Yams")
    func room(_ name: String) -> Target { .target(name: name) }
    let all: [Target] = [
      .systemLibrary(name: "CX", pkgConfig: nil, providers: [.apt(["x-dev"])]),
      // room("Gone"),
      room("A", ["CX", yams]),
      room(
        "B",
        [
          "A",
        ]),
      .executableTarget(name: "main", dependencies: ["B"], swiftSettings: settings),
      .target(name: "Fake", dependencies: ["A"], path: "Tests/Fake", swiftSettings: settings),
      tests("B", ["Fake"]),
    ]
    """

  @Test("the manifest's calls are read with their dependencies, products and folders")
  func manifest() throws {
    let targets = try Manifest(text: Self.manifest).targets
    #expect(targets.keys.sorted() == ["A", "B", "BTests", "CX", "Fake", "main"])
    #expect(targets["A"]?.dependencies == ["CX", "Yams"])
    #expect(targets["CX"]?.dependencies == [] && targets["CX"]?.kind == .clibrary)
    #expect(targets["main"]?.dependencies == ["B"] && targets["main"]?.kind == .shipped)
    #expect(targets["BTests"]?.dependencies == ["Fake", "B"] && targets["BTests"]?.path == "Tests/BTests")
    #expect(targets["Fake"]?.kind == .support && targets["Fake"]?.path == "Tests/Fake")
  }

  @Test("a dependency that nobody declared is an error of the manifest")
  func unknownDependency() {
    #expect(throws: Manifest.Unreadable.self) { try Manifest(text: "let all: [Target] = [room(\"A\", [nobody])]") }
  }

  @Test(
    "force unwraps and their kin are seen",
    arguments: ["let a = b!", "a!.c()", "f()!", "a[0]!", "var a: Int!", "try! f()", "a as! B", "fatalError(\"x\")", "x?.y!"])
  func traps(_ line: String) {
    #expect(HouseTests.trap(in: line) != nil)
  }

  @Test(
    "negation, inequality, comments and texts are not", arguments: ["if !a { }", "a != b", "a! = b // b!", "f(\"b!\")", "(!a)", "a !== b"])
  func noTraps(_ line: String) {
    // Only the third has code that unwraps; the comment behind it must not add to it.
    #expect((HouseTests.trap(in: SwiftFile.blanked(line)) != nil) == line.hasPrefix("a! ="))
  }

  @Test("texts of several lines and comments are blanked, their lines stay")
  func blanks() {
    let text = "a\n/* b!\n c */ d\n\"\"\"\n e! \\\"\"\" \n\"\"\" + \"f \\\" g!\" // h!\ni"
    #expect(SwiftFile.blanked(text).filter { $0 != " " } == "a\n\nd\n\n\n+\ni")
  }

  @Test("the picture's tiers are read from the ground up")
  func picture() throws {
    let picture = try Picture(text: "x\n```text\n[main]\n-----\n[A] [B]  words\n[C]\n```\n- `A`: is a.\n[Z]")
    #expect(picture.tiers == [["A", "B", "C"], ["main"]])
    #expect(picture.tier(of: "main") == 1 && picture.tier(of: "Z") == nil)
    #expect(picture.purposes.map(\.room) == ["A"])
  }
}

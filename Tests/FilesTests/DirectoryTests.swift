import Files
import Foundation
import Model
import Testing

@Suite struct DirectoryTests {
  @Test func missingParentsAreMadeWithTheirModes() throws {
    let scratch = try Scratch()
    let made = try Directory.open("\(scratch.path)/x/y/z/", create: 0o700)
    defer { try? made.close() }
    #expect(made.path == "\(scratch.path)/x/y/z")
    #expect(try made.status().mode == 0o700)
    #expect(try scratch.directory.directory("x").status().mode == 0o755)
  }

  @Test func aMissingDirectoryHasTheCodeThatWasAskedFor() throws {
    let scratch = try Scratch()
    let error = Scratch.failure { _ = try Directory.open("\(scratch.path)/none", missing: .storeRefused) }
    #expect(error?.code == .storeRefused)
    #expect(error?.errno == ENOENT)
  }

  @Test(arguments: ["", "/"]) func aDirectoryThatIsASymbolicLinkIsRefused(suffix: String) throws {
    let scratch = try Scratch()
    _ = try scratch.directory.directory("real", create: 0o755)
    #expect(symlink("\(scratch.path)/real", "\(scratch.path)/link") == 0)
    #expect(Scratch.failure { _ = try Directory.open("\(scratch.path)/link\(suffix)") }?.code == .locationNotAllowed)
    #expect(Scratch.failure { _ = try scratch.directory.directory("link") }?.code == .locationNotAllowed)
    #expect(Scratch.failure { _ = try scratch.directory.directory("link", create: 0o755) }?.code == .locationNotAllowed)
  }

  @Test(arguments: ["", ".", "..", "a/b", "/etc/passwd", "../x", "a\0b"]) func onlySingleNamesAreTaken(name: String) throws {
    let scratch = try Scratch()
    #expect(Scratch.failure { _ = try scratch.directory.openFile(name) }?.code == .invalidName)
    #expect(Scratch.failure { try scratch.directory.remove(name) }?.code == .invalidName)
    #expect(Scratch.failure { _ = try scratch.directory.status(of: name) }?.code == .invalidName)
  }

  @Test func aSymbolicLinkIsNotOpenedAsAFile() throws {
    let scratch = try Scratch()
    #expect(symlink("/etc/hostname", "\(scratch.path)/link") == 0)
    #expect(Scratch.failure { _ = try scratch.directory.openFile("link") }?.code == .locationNotAllowed)
    #expect(try scratch.directory.status(of: "link")?.kind == .symbolicLink)
  }

  @Test(.timeLimit(.minutes(5))) func aFIFODoesNotMakeAnOpenWait() throws {
    let scratch = try Scratch()
    #expect(mkfifo("\(scratch.path)/fifo", 0o600) == 0)
    #expect(Scratch.failure { _ = try scratch.directory.openFile("fifo") }?.code == .ioError)
  }

  @Test func namesAreSortedAndComplete() throws {
    let scratch = try Scratch()
    for index in (0..<300).reversed() { try scratch.directory.createFile("n\(1000 + index)").close() }
    #expect(try scratch.directory.names() == (1000..<1300).map { "n\($0)" })
    #expect(try scratch.directory.names().count == 300)
  }

  @Test func anUnnamedFileIsInvisibleUntilLinkedAndNeverReplaces() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createUnnamed(mode: 0o640, fallback: "t")
    defer { try? file.close() }
    try file.write([5], at: 0)
    if file.temporaryName == nil { #expect(try scratch.directory.names() == []) }
    try scratch.directory.link(file, as: "named", from: scratch.directory)
    #expect(try scratch.directory.names() == ["named"])
    #expect(try scratch.directory.status(of: "named")?.mode == 0o640)
    let other = try scratch.directory.createUnnamed(fallback: "t")
    defer { try? other.close() }
    #expect(Scratch.failure { try scratch.directory.link(other, as: "named", from: scratch.directory) }?.errno == EEXIST)
    #expect(try scratch.directory.contents(of: "named") == [5])
  }

  @Test func withoutUnnamedFilesATemporaryNameDoesTheSame() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createUnnamed(fallback: "t", unnamed: false)
    defer { try? file.close() }
    #expect(try scratch.directory.names() == ["t"])
    try scratch.directory.link(file, as: "named", from: scratch.directory)
    #expect(try scratch.directory.names() == ["named"])
  }

  @Test func renamingDoesNotReplaceUnlessAsked() throws {
    let scratch = try Scratch()
    for (name, byte) in [("a", UInt8(1)), ("b", 2)] {
      let file = try scratch.directory.createFile(name)
      try file.write([byte], at: 0)
      try file.close()
    }
    #expect(Scratch.failure { try scratch.directory.rename("a", to: "b", in: scratch.directory) }?.errno == EEXIST)
    #expect(try scratch.directory.contents(of: "b") == [2])
    try scratch.directory.rename("a", to: "b", in: scratch.directory, replacing: true)
    #expect(try scratch.directory.contents(of: "b") == [1])
    #expect(try scratch.directory.names() == ["b"])
  }

  @Test func replacingAFileLeavesNothingElse() throws {
    let scratch = try Scratch()
    try scratch.directory.replace("f", with: [1, 2], temporary: "t", in: scratch.directory)
    try scratch.directory.replace("f", with: [3], mode: 0o644, temporary: "t", in: scratch.directory)
    #expect(try scratch.directory.contents(of: "f") == [3])
    #expect(try scratch.directory.names() == ["f"])
    #expect(try scratch.directory.status(of: "f")?.mode == 0o644)
  }

  @Test func removingWhatIsNotThereIsNoError() throws {
    let scratch = try Scratch()
    try scratch.directory.createFile("a").close()
    #expect(try scratch.directory.remove("a"))
    #expect(try !scratch.directory.remove("a"))
    #expect(try scratch.directory.contents(of: "a") == nil)
  }

  @Test func aSmallFileThatIsLargeIsNotReadWhole() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("a")
    try file.truncate(to: 1 << 30)
    try file.close()
    #expect(Scratch.failure { _ = try scratch.directory.contents(of: "a", limit: 4096) }?.code == .ioError)
  }

  @Test func theFileSystemTellsItsRoom() throws {
    let scratch = try Scratch()
    let space = try scratch.directory.space()
    #expect(space.total > 0 && space.free > 0 && space.free <= space.total)
    #expect(try scratch.directory.fileSystemType() != 0)
    try scratch.directory.checkWritable()
  }

  @Test(.enabled(if: geteuid() == 0)) func whatRootMakesBelongsToTheDirectorysOwner() throws {
    let scratch = try Scratch()
    #expect(chown(scratch.path, 12345, 23456) == 0)
    let directory = try Directory.open(scratch.path)
    defer { try? directory.close() }
    try directory.createFile("a").close()
    try directory.directory("d", create: 0o755).close()
    for name in ["a", "d"] {
      let status = try directory.status(of: name)
      #expect(status?.uid == 12345)
      #expect(status?.gid == 23456)
    }
  }
}

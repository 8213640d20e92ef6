import Files
import Foundation
import Model
import Testing

@Suite struct OperatorFileTests {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    for name in ["root", "rootless", "outside"] { try scratch.directory.directory(name, create: 0o755).close() }
    for path in ["root", "rootless", "outside"] {
      let directory = try scratch.directory.directory(path)
      let file = try directory.createFile("image")
      try file.write(Array(path.utf8), at: 0)
      try file.close()
      try directory.close()
    }
  }

  private func read(_ path: String, under roots: [String]?, followSymlinks: Bool = true) throws -> String {
    let file = try File.open("\(scratch.path)/\(path)", under: roots?.map { "\(scratch.path)/\($0)" }, followSymlinks: followSymlinks)
    defer { try? file.close() }
    return String(decoding: try file.readAll(limit: 100), as: UTF8.self)
  }

  @Test func aFileUnderARootIsRead() throws {
    #expect(try read("root/image", under: ["none", "root"]) == "root")
    #expect(try read("root/../root/image", under: ["root"]) == "root")
    #expect(try read("outside/image", under: nil) == "outside")
  }

  @Test(arguments: ["outside/image", "root/../outside/image", "rootless/image"]) func aFileOutsideEveryRootIsRefused(path: String) throws {
    #expect(Scratch.failure { _ = try read(path, under: ["root"]) }?.code == .locationNotAllowed)
    #expect(Scratch.failure { _ = try read(path, under: []) }?.code == .locationNotAllowed)
  }

  @Test func aSymbolicLinkOutOfTheRootIsRefused() throws {
    #expect(symlink("../outside/image", "\(scratch.path)/root/leaf") == 0)
    #expect(symlink("../outside", "\(scratch.path)/root/branch") == 0)
    #expect(Scratch.failure { _ = try read("root/leaf", under: ["root"]) }?.code == .locationNotAllowed)
    #expect(Scratch.failure { _ = try read("root/branch/image", under: ["root"]) }?.code == .locationNotAllowed)
  }

  @Test func aSymbolicLinkIntoTheRootIsFollowedUnlessForbidden() throws {
    #expect(symlink("root/image", "\(scratch.path)/into") == 0)
    #expect(try read("into", under: ["root"]) == "root")
    #expect(Scratch.failure { _ = try read("into", under: nil, followSymlinks: false) }?.code == .locationNotAllowed)
  }

  @Test func aRootMayItselfBeReachedByASymbolicLink() throws {
    #expect(symlink("root", "\(scratch.path)/alias") == 0)
    #expect(try read("alias/image", under: ["alias"]) == "root")
    #expect(try read("root/image", under: ["alias"]) == "root")
  }

  @Test func whatIsNotThereIsNotFound() throws {
    #expect(Scratch.failure { _ = try read("root/none", under: ["root"]) }?.code == .sourceNotFound)
  }

  @Test(.timeLimit(.minutes(5))) func directoriesFIFOsAndDevicesAreRefused() throws {
    #expect(mkfifo("\(scratch.path)/root/fifo", 0o600) == 0)
    #expect(Scratch.failure { _ = try read("root/fifo", under: ["root"]) }?.code == .locationNotAllowed)
    #expect(Scratch.failure { _ = try read("root", under: nil) }?.code == .locationNotAllowed)
    #expect(Scratch.failure { _ = try File.open("/dev/null", under: nil) }?.code == .locationNotAllowed)
  }
}

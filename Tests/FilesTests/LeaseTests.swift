import Files
import Foundation
import Model
import Testing

@Suite(.timeLimit(.minutes(5)), .serialized) struct LeaseTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func file() throws -> File {
    try scratch.directory.createFile("f").close()
    return try scratch.directory.openFile("f")
  }

  @Test func theOnlyOneWhoHasItOpenGetsTheLease() throws {
    let file = try file()
    #expect(try file.takeWriteLease() == .granted)
    #expect(try file.holdsWriteLease())
    try file.dropLease()
    #expect(try !file.holdsWriteLease())
    try file.close()
  }

  @Test(arguments: [O_RDONLY, O_RDWR]) func nobodyGetsItWhileAnotherHasItOpen(flags: Int32) throws {
    let file = try file()
    let other = open(file.path, flags)
    #expect(other >= 0)
    #expect(try file.takeWriteLease() == .inUse)
    close(other)
    #expect(try file.takeWriteLease() == .granted)
    try file.close()
  }

  @Test func anOpenerIsSeenAndEndsNoProcess() throws {
    let file = try file()
    #expect(try file.takeWriteLease() == .granted)
    // Does not wait for us, but has begun to break the lease: SIGIO is on its way.
    #expect(open(file.path, O_RDONLY | O_NONBLOCK) == -1)
    #expect(try !file.holdsWriteLease())
    try file.close()
  }

  @Test func whoOpensALeasedFileGetsItOnceTheLeaseIsGivenBack() throws {
    let leased = try file()
    #expect(try leased.takeWriteLease() == .granted)
    let giver = Thread {
      // The opener has broken it by now, or soon will have.
      while (try? leased.holdsWriteLease()) == true { usleep(1000) }
      usleep(20_000)
      try? leased.close()
    }
    giver.start()
    try scratch.directory.openFile("f").close()
    #expect(giver.isExecuting || giver.isFinished)
  }

  @Test func whoOpensALeasedFileThatIsRemovedFindsNone() throws {
    let leased = try file()
    #expect(try leased.takeWriteLease() == .granted)
    let directory = scratch.directory
    Thread {
      while (try? leased.holdsWriteLease()) == true { usleep(1000) }
      _ = try? directory.remove("f")
      try? leased.close()
    }.start()
    let error = #expect(throws: SlipwayError.self) { try directory.openFile("f", missing: .baseNotFound) }
    #expect(error?.code == .baseNotFound)
  }

  @Test(.enabled(if: geteuid() == 0)) func anImmutableFileIsNeitherRenamedNorRemoved() throws {
    let file = try file()
    defer { try? file.close() }
    // A file system without the flag (tmpfs of older kernels) has nothing to test.
    guard try file.setImmutable(true) else { return }
    #expect(try file.isImmutable())
    #expect(throws: SlipwayError.self) { try scratch.directory.remove("f") }
    #expect(throws: SlipwayError.self) { try scratch.directory.rename("f", to: "g", in: scratch.directory) }
    #expect(try file.setImmutable(false))
    #expect(try scratch.directory.remove("f"))
  }

  @Test func aSharedLockLetsOthersShareItAndNobodyHaveItAlone() throws {
    let one = try FileLock.attempt("l", in: scratch.directory, shared: true)
    let two = try FileLock.attempt("l", in: scratch.directory, shared: true)
    #expect(one != nil && two != nil)
    #expect(try FileLock.attempt("l", in: scratch.directory) == nil)
    one?.release()
    two?.release()
    let alone = try FileLock.attempt("l", in: scratch.directory)
    #expect(alone != nil)
    #expect(try FileLock.attempt("l", in: scratch.directory, shared: true) == nil)
    alone?.release()
  }
}

import Foundation
import Model
import Runtime
import Testing

@testable import Files

@Suite(.timeLimit(.minutes(5))) struct FileLockTests {
  let pool = WorkerPool(name: "test", threads: 2)

  @Test func aSecondDescriptionIsKeptOutUntilRelease() throws {
    let scratch = try Scratch()
    let first = try #require(try FileLock.attempt("l", in: scratch.directory))
    #expect(try FileLock.attempt("l", in: scratch.directory) == nil)
    #expect(try FileLock.attempt("other", in: scratch.directory) != nil)
    first.release()
    first.release()
    #expect(try FileLock.attempt("l", in: scratch.directory) != nil)
  }

  @Test func aForgottenLockIsReleased() throws {
    let scratch = try Scratch()
    do { _ = try FileLock.attempt("l", in: scratch.directory) }
    #expect(try FileLock.attempt("l", in: scratch.directory) != nil)
  }

  @Test func aWaiterGetsTheLockWhenItIsReleasedAndIsToldThatItWaits() async throws {
    let scratch = try Scratch()
    let first = try #require(try FileLock.attempt("l", in: scratch.directory))
    // Released by the waiter's own report: no sleeping, no guess about time.
    let second = try await FileLock.acquire("l", in: scratch.directory, deadline: .never, pool: pool, onWait: { _ in first.release() })
    #expect(try FileLock.attempt("l", in: scratch.directory) == nil)
    try second.verify()
    second.release()
  }

  @Test func aWaiterGivesUpAtItsDeadline() async throws {
    let scratch = try Scratch()
    let first = try #require(try FileLock.attempt("l", in: scratch.directory))
    defer { first.release() }
    let error = await #expect(throws: SlipwayError.self) {
      _ = try await FileLock.acquire("l", in: scratch.directory, deadline: .after(.milliseconds(30)), pool: pool)
    }
    #expect(error?.code == .timeout)
  }

  @Test func aCancelledWaiterStopsAndHoldsNothing() async throws {
    let scratch = try Scratch()
    let first = try #require(try FileLock.attempt("l", in: scratch.directory))
    let directory = scratch.directory
    let pool = self.pool
    let waiting = Handoff<Void>()
    let waiter = Task {
      try await FileLock.acquire("l", in: directory, deadline: .never, pool: pool, onWait: { _ in waiting.fulfill(.success(())) })
    }
    try await waiting.value()
    waiter.cancel()
    await #expect(throws: CancellationError.self) { _ = try await waiter.value }
    first.release()
    #expect(try FileLock.attempt("l", in: scratch.directory) != nil)
  }

  @Test func aRemovedLockFileIsNoticedByTheHolderAndLockedAnewByTheNext() throws {
    let scratch = try Scratch()
    let first = try #require(try FileLock.attempt("l", in: scratch.directory))
    try first.verify()
    try scratch.directory.remove("l")
    #expect(Scratch.failure { try first.verify() }?.code == .busy)
    let second = try #require(try FileLock.attempt("l", in: scratch.directory))
    try second.verify()
    #expect(Scratch.failure { try first.verify() }?.code == .busy)
  }

  @Test func aLockFileReplacedWhileWaitingIsLockedInItsPlace() async throws {
    let scratch = try Scratch()
    let directory = scratch.directory
    let first = try #require(try FileLock.attempt("l", in: directory))
    defer { first.release() }
    let second = try await FileLock.acquire(
      "l", in: directory, deadline: .never, pool: pool, onWait: { _ in _ = try? directory.remove("l") })
    try second.verify()
  }

  @Test func whoNeedsTheLockNoLongerStopsWaitingWhileItIsHeld() async throws {
    let scratch = try Scratch()
    let first = try #require(try FileLock.attempt("l", in: scratch.directory))
    defer { first.release() }
    let looks = Locked(0)
    let second = try await FileLock.acquire(
      "l", in: scratch.directory, deadline: .never, pool: pool,
      unless: { () async throws -> Bool in
        looks.with { looks in
          looks += 1
          return looks == 2
        }
      })
    #expect(second == nil)
    try first.verify()
  }

  @Test func theEndOfALockWakesWhoWaitsForItAndWhoWaitsWakesNobody() async throws {
    let scratch = try Scratch()
    let first = try #require(try FileLock.attempt("l", in: scratch.directory))
    let one = try #require(try WaitingLock("l", in: scratch.directory))
    let other = try #require(try WaitingLock("l", in: scratch.directory))
    #expect(try one.look() == .taken)
    let (watch, quiet) = (try #require(one.watch), try #require(other.watch))
    let (before, none) = (watch.count, quiet.count)
    other.end()
    #expect(try await !watch.wait(since: before, atMost: .milliseconds(50)))
    first.release()
    #expect(try await watch.wait(since: before, atMost: .seconds(30)))
    #expect(try one.look() == .free)
    one.end()
    #expect(quiet.count == none, "its watch had ended")
    #expect(try WaitingLock("other", in: scratch.directory) == nil)
  }

  @Test func manyWhoWaitGetTheLockOneAfterTheOther() async throws {
    let scratch = try Scratch()
    let directory = scratch.directory
    let pool = pool
    let first = try #require(try FileLock.attempt("l", in: directory))
    let holders = Locked(0)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<20 {
        group.addTask {
          let held = try await FileLock.acquire("l", in: directory, deadline: .never, pool: pool)
          #expect(
            holders.with {
              $0 += 1; return $0
            } == 1)
          holders.with { $0 -= 1 }
          held.release()
        }
      }
      first.release()
      try await group.waitForAll()
    }
  }

  @Test func aSymbolicLinkIsNoLockFile() throws {
    let scratch = try Scratch()
    #expect(symlink("\(scratch.path)/target", "\(scratch.path)/l") == 0)
    #expect(Scratch.failure { _ = try FileLock.attempt("l", in: scratch.directory) }?.code == .locationNotAllowed)
  }
}

import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(1))) struct SweepTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test func leftoversOfEndedProcessesGoAndNothingElse() async throws {
    await (try scratch.open()).close()
    let kinds: [TemporaryName.Kind] = [.part, .reserve, .json, .blocks]
    let gone = kinds.map { TemporaryName($0, owner: ended).text }
    let running = kinds.map { TemporaryName($0).text }
    let elsewhere = TemporaryName(.part, owner: ProcessOwner(host: "another", boot: "another", pid: 1, started: 1)).text
    let foreign = ["notes.txt", "1+2+3.part", ".part", "a+b+c+d+e.part"]
    for name in gone + running + [elsewhere] + foreign { try scratch.write("x", to: "tmp/\(name)") }
    await (try scratch.open()).close()
    #expect(Set(scratch.names("tmp")) == Set(running + [elsewhere] + foreign))
  }

  @Test func aLeftoverThatSomeoneHoldsStays() async throws {
    // What a process in another pid namespace looks like: no such pid here, but its lock is held.
    await (try scratch.open()).close()
    let name = TemporaryName(.part, owner: ended).text
    try scratch.write("x", to: "tmp/\(name)")
    let directory = try Directory.open(scratch.storePath + "/tmp")
    let file = try directory.openFile(name, .readWrite)
    #expect(try FileLock.lock(file))
    let store = try await scratch.open()
    #expect(scratch.names("tmp") == [name])
    try file.close()
    #expect(try await store.sweep() == 1)
    #expect(scratch.names("tmp") == [])
    try directory.close()
    await store.close()
  }

  @Test func aSidecarWhoseBaseNeverCameGoesUnlessItsLockIsHeld() async throws {
    let store = try await scratch.open()
    let coming = try identity(1)
    let never = try identity(2)
    let there = try identity(3)
    try await store.put(as: there, context: scratch.context)
    for identity in [coming, never] { try scratch.write("{}", to: "meta/\(identity.name).json") }
    try scratch.write("{}", to: "meta/readme.json")
    let lock = try await store.lock(coming.name, context: scratch.context)
    #expect(try await store.sweep() == 1)
    #expect(scratch.names("meta") == ["\(coming.name).json", "\(there.name).blocks", "\(there.name).json", "readme.json"].sorted())
    lock.release()
    #expect(try await store.sweep() == 1)
    #expect(scratch.names("meta") == ["\(there.name).blocks", "\(there.name).json", "readme.json"].sorted())
    await store.close()
  }

  @Test func aCrashAfterTheSidecarIsNoObstacle() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try scratch.write("half of a side", to: "meta/\(identity.name).json")
    let published = try await store.put(as: identity, context: scratch.context)
    #expect(published.isNew)
    #expect(try await store.lookup(identity) == published.record)
    await store.close()
  }

  @Test func unknownThingsInBasesAreListedAndNeverTouched() async throws {
    let store = try await scratch.open()
    let ours = try await store.put(as: identity(), context: scratch.context).record.name.text
    try scratch.write("x", to: "bases/vm.qcow2")
    try FileManager.default.createDirectory(
      atPath: scratch.storePath + "/bases/" + identity(7).name.text, withIntermediateDirectories: true)
    try await store.sweep()
    let entries = try await store.list()
    #expect(entries.count == 3)
    for entry in entries where entry.name != ours { #expect(entry.state == .unknown) }
    #expect(entries.first { $0.name == ours }?.state.record != nil)
    #expect(scratch.names("bases").count == 3)
    await store.close()
  }

  @Test func temporaryNamesAreReadAsTheyAreWritten() throws {
    let base = try identity().name
    let odd = ProcessOwner(host: "a+b.c/d e", boot: "0-1", pid: 42, started: 7)
    for kind in TemporaryName.Kind.allCases {
      let name = TemporaryName(kind, of: kind == .evict || kind == .lease ? base : nil, owner: odd)
      #expect(TemporaryName(parsing: name.text) == name)
      #expect(!name.text.contains("/"))
    }
    #expect(TemporaryName(.part).text != TemporaryName(.part).text)
  }

  @Test func aStartLooksAtEverythingOnlyWhenSomebodyDiedOrAnHourHasPassed() async throws {
    await (try scratch.open()).close()
    let orphan = "meta/\(try identity(1).name).json"
    func startLeavesIt() async throws -> Bool {
      try scratch.write("{}", to: orphan)
      await (try scratch.open()).close()
      return scratch.text(of: orphan) != nil
    }
    #expect(try await startLeavesIt())
    try scratch.write("x", to: "tmp/\(TemporaryName(.part, owner: ended).text)")
    #expect(try await !startLeavesIt())
    #expect(try await startLeavesIt())
    for seconds in [-4000, 4000] {
      var times = [timeval(tv_sec: time(nil) + seconds, tv_usec: 0), timeval(tv_sec: time(nil) + seconds, tv_usec: 0)]
      #expect(utimes("\(scratch.storePath)/locks/swept", &times) == 0)
      #expect(try await !startLeavesIt())
    }
  }
}

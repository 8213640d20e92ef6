import Files
import Foundation
import GRDB
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(1))) struct ListTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Three bases of 1, 2 and 3 bytes, made at 100, 200 and 300; the second is used twice.
  private func fill(_ time: Locked<Int64>) async throws -> Store {
    let store = try await Store.open(
      path: scratch.storePath, create: true, pool: scratch.pool, unnamed: true, clock: { time.with { $0 } })
    for number in 1...3 {
      time.with { $0 = Int64(number) * 100 }
      let format: BaseFormat = number == 3 ? .qcow2 : .raw
      let identity = try identity(UInt8(number), format: format)
      let images = number == 1 ? [imageA, imageB] : [imageA]
      try await store.put([UInt8](repeating: 7, count: number), as: identity, images: images, context: scratch.context)
    }
    for _ in 0..<2 { await store.recordUse(try identity(2).name) }
    return store
  }

  @Test func listsAreSortedByWhatIsAsked() async throws {
    let time = Locked<Int64>(0)
    let store = try await fill(time)
    let sizes = try await store.list(sortedBy: .size).map(\.fileSize.bytes)
    #expect(sizes == [1, 2, 3])
    let newest = try await store.list(sortedBy: .created, descending: true).map(\.created)
    #expect(newest == [300, 200, 100])
    let hits = try await store.list(sortedBy: .hits, descending: true).first
    #expect(hits?.usage.hits == 2)
    let idle = try await store.list(sortedBy: .lastUse).map(\.usage.lastUse)
    #expect(idle == [100, 300, 300])
    for sort in BaseSort.allCases {
      let names = try await store.list(sortedBy: sort).map(\.name)
      #expect(Set(names).count == 3)
    }
    await store.close()
  }

  @Test func listsAreFiltered() async throws {
    let time = Locked<Int64>(0)
    let store = try await fill(time)
    let pinned = try identity(1).name
    try await store.pin(pinned)
    func names(_ filter: BaseFilter) async throws -> [BaseName] { try await store.list(sortedBy: .size, where: filter).map(\.name) }
    let one = try identity(1).name
    let two = try identity(2).name
    let three = try identity(3, format: .qcow2).name
    #expect(try await names(BaseFilter(format: .qcow2)) == [three])
    #expect(try await names(BaseFilter(pinned: true)) == [one])
    #expect(try await names(BaseFilter(pinned: false)) == [two, three])
    #expect(try await names(BaseFilter(image: imageB?.text)) == [one])
    #expect(try await names(BaseFilter(image: two.text)) == [two])
    #expect(try await names(BaseFilter(route: .export)) == [])
    #expect(try await names(BaseFilter(idle: 150)) == [one])
    #expect(try await names(BaseFilter(damaged: false)).count == 3)
    await store.close()
  }

  @Test func aSummaryIsTheSameFromTheCatalogAndFromTheDirectory() async throws {
    let time = Locked<Int64>(0)
    let store = try await fill(time)
    let name = try identity(1).name
    let indexed = try #require(try await store.summary(of: name))
    #expect(indexed.details?.images.count == 2)
    #expect(indexed.details?.verdict == .matched)
    #expect(indexed.details?.route == .download)
    #expect(indexed.usage.lastUse == 100)
    try store.catalog.write { try $0.execute(sql: "UPDATE base SET stamp = 'old'") }
    #expect(try await store.summary(of: name) == indexed)
    #expect(try await store.list(sortedBy: .name).contains(indexed))
    await store.close()
  }

  @Test func aClockThatWasMovedBackMakesABaseYoung() async throws {
    let time = Locked<Int64>(0)
    let store = try await fill(time)
    time.with { $0 = 50 }
    await store.recordUse(try identity(2).name)
    for base in try await store.list(sortedBy: .name) {
      #expect(base.age(at: 50) == 0)
      #expect(base.idle(at: 50) == 0)
      #expect(base.usage.lastUse >= 100)
    }
    await store.close()
  }

  @Test func versionOneOfTheCatalogKeepsItsUses() async throws {
    let time = Locked<Int64>(0)
    let store = try await fill(time)
    await store.close()
    let queue = try DatabaseQueue(path: scratch.storePath + "/catalog.sqlite")
    try await queue.write { database in
      for column in ["format", "virtual_size", "image_name", "source", "route", "verdict", "verified_at", "pin", "damage"] {
        try database.execute(sql: "ALTER TABLE base DROP COLUMN \(column)")
      }
      try database.execute(sql: "PRAGMA user_version = 1")
    }
    try queue.close()
    let again = try await scratch.open()
    let base = try #require(try await again.summary(of: identity(2).name))
    #expect(base.usage.hits == 2)
    #expect(base.details?.route == .download)
    await again.close()
  }
}

import Files
import Foundation
import GRDB
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(1))) struct CatalogTests {
  let scratch: Scratch
  var catalogPath: String { scratch.storePath + "/catalog.sqlite" }

  init() throws { scratch = try Scratch() }

  private func fill() async throws -> [String] {
    let store = try await scratch.open()
    for byte in 1...3 { try await store.put(as: identity(UInt8(byte)), context: scratch.context) }
    await store.recordUse(try identity(2).name)
    await store.close()
    return scratch.names("bases")
  }

  private func found(_ image: ImageID?) async throws -> [String] {
    let store = try await scratch.open()
    let image = try #require(image)
    let names = try await store.find(imageID: image).map(\.name.text)
    await store.close()
    return names
  }

  private func removeCatalog() {
    for ending in ["", "-wal", "-shm"] { unlink(catalogPath + ending) }
  }

  @Test func anImageIsFoundByItsIDMostRecentlyUsedFirst() async throws {
    let names = try await fill()
    #expect(Set(try await found(imageA)) == Set(names))
    #expect(try await found(imageB) == [])
  }

  @Test func aLostCatalogIsMadeAnewAndLastUseCountsAsNow() async throws {
    let names = try await fill()
    removeCatalog()
    let store = try await scratch.open()
    #expect(Set(try await store.find(imageID: #require(imageA)).map(\.name.text)) == Set(names))
    let usage = try #require(try await store.usage(of: identity(2).name))
    #expect(usage.hits == 0)
    #expect(usage.lastUse > 1_700_000_000)
    await store.close()
  }

  @Test(arguments: ["rubbish", "SQLite format 3\u{0} and then rubbish", ""]) func aDamagedCatalogIsMadeAnew(content: String) async throws {
    let names = try await fill()
    removeCatalog()
    try scratch.write(content + String(repeating: content, count: 500), to: "catalog.sqlite")
    #expect(Set(try await found(imageA)) == Set(names))
  }

  @Test func aCatalogDamagedWhileOpenIsMadeAnewAndSaysSo() async throws {
    let names = try await fill()
    let store = try await scratch.open()
    try store.catalog.write { try $0.execute(sql: "DROP TABLE base_image") }
    #expect(Set(try await store.find(imageID: #require(imageA)).map(\.name.text)) == Set(names))
    #expect(scratch.warnings.with { $0.count } == 1)
    await store.close()
  }

  @Test func anotherSoftwaresOrAnOlderCatalogIsMadeAnewAndANewerOneRefused() async throws {
    let names = try await fill()
    for change in ["PRAGMA application_id = 1", "PRAGMA user_version = 0"] {
      let queue = try DatabaseQueue(path: catalogPath)
      try await queue.write { try $0.execute(sql: change) }
      try queue.close()
      #expect(Set(try await found(imageA)) == Set(names))
    }
    let queue = try DatabaseQueue(path: catalogPath)
    try await queue.write { try $0.execute(sql: "PRAGMA user_version = 99") }
    try queue.close()
    let error = await scratch.refusal()
    #expect(error?.code == .storeRefused)
    #expect(error?.message.contains("version 99") == true)
  }

  @Test func aBaseThatCameWithoutItsRowIsFound() async throws {
    // A crash between link and row; or another process with an older index.
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, images: [imageB], context: scratch.context)
    try store.catalog.remove(identity.name)
    #expect(try await store.find(imageID: #require(imageB)).map(\.name) == [identity.name])
    await store.close()
  }

  @Test func aBaseThatIsGoneIsNotFoundWhateverTheCatalogSays() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    #expect(unlink(store.path(of: identity.name)) == 0)
    #expect(try await store.find(imageID: #require(imageA)) == [])
    #expect(try await store.lookup(identity) == nil)
    #expect(try await store.usage(of: identity.name) == nil)
    await store.close()
  }

  @Test func usesAreCountedAcrossStoresAndRepublishing() async throws {
    let store = try await scratch.open()
    let other = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    await store.recordUse(identity.name)
    await other.recordUse(identity.name)
    try await other.put(as: identity, images: [imageB], context: scratch.context)
    #expect(try await store.usage(of: identity.name)?.hits == 2)
    await store.recordUse(try self.missing().name)
    #expect(try await store.usage(of: self.missing().name) == nil)
    await store.close()
    await other.close()
  }

  private func missing() throws -> BaseIdentity { try identity(0xEE) }
}

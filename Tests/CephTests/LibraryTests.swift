@testable import Ceph
import Runtime
import Testing

@Suite("librbd and librados")
struct LibraryTests {
  @Test("Every function that we call is there, in librbd or in what it brings")
  func complete() throws {
    try LoadedLibrary.ceph.require()
    // At once, the second time.
    try LoadedLibrary.ceph.require()
  }
}

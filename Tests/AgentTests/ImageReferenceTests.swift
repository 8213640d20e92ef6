import Foundation
import Model
import Testing

@testable import Agent

@Suite struct ImageReferenceTests {
  @Test(arguments: ["1bea47ed-f6a9-463b-b423-14b9cca9ad27"]) func aUUIDIsAnID(_ text: String) throws {
    #expect(try ImageReference(parsing: text) == .id(#require(ImageID(text))))
  }

  @Test(arguments: ["ubuntu", "ubuntu 24.04 (März)", "image.raw", "1bea47ed", "in:x", "a:b", ".."]) func otherTextIsAName(_ text: String)
    throws
  {
    #expect(try ImageReference(parsing: text) == .name(text))
  }

  @Test(arguments: ["rbd://a/b/c/d", "http://h/x", "RBD://a", "x://", "file:/a", "file:///a"]) func aURLIsALocation(_ text: String) throws {
    #expect(try ImageReference(parsing: text) == .location(Location(url: text)))
  }

  @Test func aPathIsMadeAbsoluteAndItsDotsAreLeftToTheKernel() throws {
    let here = FileManager.default.currentDirectoryPath
    func path(_ text: String) throws -> String? {
      guard case .location(let location) = try ImageReference(parsing: text) else { return nil }
      return location.filePath
    }
    #expect(try path("/a/b c.raw") == "/a/b c.raw")
    #expect(try path("./x.raw") == here + "/x.raw")
    #expect(try path("a/x%20.raw") == here + "/a/x%20.raw")
    // `link/..` is where the link leads to, not where it lies.
    #expect(try path("/a/link/../x") == "/a/link/../x")
  }

  @Test(arguments: ["", "a\0b", "/a\0b"]) func nothingIsNoImage(_ text: String) {
    #expect(#expect(throws: SlipwayError.self) { _ = try ImageReference(parsing: text) }?.code == .usage)
  }
}

import Files
import Foundation
import Model
import Testing

@Suite struct FileTests {
  @Test func whatIsWrittenIsReadBack() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("a")
    defer { try? file.close() }
    try file.write([1, 2, 3, 4], at: 10)
    #expect(try file.bytes(8..<14) == [0, 0, 1, 2, 3, 4])
    #expect(try file.size() == 14)
  }

  @Test func aReadPastTheEndIsShortAndAnExactOneFails() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("a")
    defer { try? file.close() }
    try file.write([1, 2, 3], at: 0)
    var buffer = [UInt8](repeating: 0, count: 8)
    #expect(try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 1) } == 2)
    let error = Scratch.failure { try buffer.withUnsafeMutableBytes { try file.readExactly(into: $0, at: 1) } }
    #expect(error?.code == .ioError)
    #expect(error?.message.contains("6 bytes too early") == true)
  }

  @Test func emptyBuffersAreNoError() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("a")
    defer { try? file.close() }
    try file.write([], at: 5)
    #expect(try file.read(into: UnsafeMutableRawBufferPointer(start: nil, count: 0), at: 0) == 0)
    #expect(try file.size() == 0)
  }

  @Test func aClosedFileIsRefusedAndClosingTwiceIsNot() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("a")
    try file.close()
    try file.close()
    #expect(Scratch.failure { try file.write([1], at: 0) }?.code == .internalError)
  }

  @Test func extentsTellDataFromHolesInSlices() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("a")
    defer { try? file.close() }
    let size: Int64 = 16 << 20
    try file.truncate(to: size)
    let block = [UInt8](repeating: 7, count: 1 << 20)
    for offset in [Int64(2 << 20), 3 << 20, 9 << 20] { try file.write(block, at: offset) }
    var all: [Extent] = []
    var position: Int64 = 0
    while true {
      let slice = try file.extents(from: position, to: size, limit: 2)
      #expect(slice.extents.count <= 2)
      all += slice.extents
      guard let next = slice.next else { break }
      position = next
    }
    // End to end, from 0 to the size; every written byte in data.
    #expect(all.first?.offset == 0)
    #expect(all.last?.end == size)
    for (one, next) in zip(all, all.dropFirst()) { #expect(one.end == next.offset) }
    for offset in stride(from: Int64(0), to: size, by: 1 << 20) {
      let written = [2 << 20, 3 << 20, 9 << 20].contains(offset)
      let extent = all.first { $0.offset <= offset && offset < $0.end }
      if written { #expect(extent?.isData == true) }
    }
    #expect(try file.status().allocated >= 3 << 20)
  }

  @Test func aFileThatIsAllHoleAndAnEmptyRangeAreUnderstood() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("a")
    defer { try? file.close() }
    try file.truncate(to: 1 << 20)
    #expect(try file.extents(from: 0, to: 1 << 20, limit: 9).extents == [Extent(offset: 0, length: 1 << 20, isData: false)])
    #expect(try file.extents(from: 0, to: 0, limit: 9).extents == [])
  }

  @Test func aPunchedHoleReadsAsZerosAndFreesSpace() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("a")
    defer { try? file.close() }
    try file.write([UInt8](repeating: 9, count: 1 << 20), at: 0)
    try file.sync()
    let before = try file.status().allocated
    guard try file.punchHole(at: 0, length: 512 << 10) else { return }
    #expect(try file.bytes(0..<4) == [0, 0, 0, 0])
    #expect(try file.bytes((512 << 10)..<((512 << 10) + 1)) == [9])
    #expect(try file.size() == 1 << 20)
    #expect(try file.status().allocated < before)
  }

  @Test func reservingSpaceKeepsTheSize() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("a")
    defer { try? file.close() }
    guard try file.reserve(at: 0, length: 1 << 20) else { return }
    #expect(try file.size() == 0)
    #expect(try file.status().allocated >= 1 << 20)
  }

  @Test func aReflinkIsACopyOrAnHonestNo() throws {
    let scratch = try Scratch()
    let source = try scratch.directory.createFile("a")
    let target = try scratch.directory.createFile("b")
    defer {
      try? source.close()
      try? target.close()
    }
    try source.write([UInt8](repeating: 3, count: 8192), at: 0)
    if try target.reflink(from: source) {
      #expect(try target.bytes(0..<8192) == [UInt8](repeating: 3, count: 8192))
    } else {
      #expect(try target.size() == 0)
    }
  }

  @Test func aForgottenFileIsCounted() throws {
    let scratch = try Scratch()
    let before = OpenFiles.forgottenCount
    do { _ = try scratch.directory.createFile("a") }
    #expect(OpenFiles.forgottenCount > before)
  }

  @Test func aRangeIsAHoleOnlyWhereNoByteOfItWasWritten() throws {
    let scratch = try Scratch()
    let file = try scratch.directory.createFile("holes")
    try file.truncate(to: 3 << 20)
    try file.write([1], at: 1 << 20)
    #expect(try file.isHole(from: 0, to: 1 << 20))
    #expect(try !file.isHole(from: 0, to: (1 << 20) + 1))
    #expect(try !file.isHole(from: 1 << 20, to: 2 << 20))
    #expect(try file.isHole(from: 2 << 20, to: 3 << 20))
    try file.close()
  }
}

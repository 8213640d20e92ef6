import Model
import Testing

@testable import Transfer

@Suite("Extents become runs of whole blocks")
struct RunTests {
  func cover(_ extents: [(Int64, Int64, Bool)], _ slice: Range<Int64>, size: Int64 = 1000) throws -> [Run] {
    let extents = extents.map { Extent(offset: $0.0, length: $0.1, isData: $0.2) }
    return try Run.cover(slice, with: extents, granularity: 16, size: size)
  }

  @Test("data is rounded out, and a hole within a block goes with it")
  func rounded() throws {
    let runs = try cover([(0, 40, false), (40, 2, true), (42, 3, false), (45, 10, true), (55, 45, false)], 0..<100, size: 100)
    #expect(
      runs == [Run(start: 0, end: 32, isData: false), Run(start: 32, end: 64, isData: true), Run(start: 64, end: 100, isData: false)])
  }

  @Test("the last block ends at the size")
  func last() throws {
    #expect(try cover([(96, 1, false), (97, 3, true)], 96..<100, size: 100) == [Run(start: 96, end: 100, isData: true)])
  }

  @Test("neighbours of one kind are one run")
  func merged() throws {
    #expect(try cover([(0, 16, true), (16, 16, true), (32, 16, true)], 0..<48) == [Run(start: 0, end: 48, isData: true)])
  }

  @Test("nothing at all is refused unless nothing was asked")
  func nothing() throws {
    #expect(try cover([], 0..<0).isEmpty)
    #expect(throws: SlipwayError.self) { try cover([], 0..<16) }
  }

  @Test(
    "extents out of order are refused",
    arguments: [
      [(0, 16, true), (32, 16, true)], [(0, 16, true), (8, 40, true)], [(16, 32, true)], [(0, 32, true)], [(0, 64, true)],
      [(0, 0, true), (0, 48, true)], [(-16, 64, true)], [(0, -5, true)],
    ] as [[(Int64, Int64, Bool)]])
  func refused(extents: [(Int64, Int64, Bool)]) throws {
    #expect(throws: SlipwayError.self) { try cover(extents, 0..<48) }
  }

  @Test("the largest numbers do not overflow")
  func huge() throws {
    let slice = Int64.max - 15..<Int64.max
    let runs = try Run.cover(slice, with: [Extent(offset: slice.lowerBound, length: 15, isData: true)], granularity: 16, size: .max)
    #expect(runs.last?.end == .max)
    #expect(throws: SlipwayError.self) {
      try Run.cover(slice, with: [Extent(offset: .max, length: .max, isData: true)], granularity: 16, size: .max)
    }
  }
}

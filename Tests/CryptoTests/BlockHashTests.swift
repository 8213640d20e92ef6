import Crypto
import Model
import Testing

@Suite struct BlockHashTests {
  static let unit = BlockHash.unit

  private func sum(_ bytes: [UInt8], from number: UInt64 = 0, key: UInt8 = 0) throws -> BlockHash.Sum {
    let hash = try BlockHash(key: [UInt8](repeating: key, count: 16))
    return try bytes.withUnsafeBytes { try hash.sum(of: $0, from: number) }
  }

  /// Units that all differ.
  private func units(_ count: Int) -> [UInt8] {
    (0..<count * Self.unit).map { UInt8(truncatingIfNeeded: $0 / Self.unit &* 31 &+ $0 &* 7 &+ 1) }
  }

  /// Made with Python's `cryptography`, key and number zero: the form of the files must not change.
  @Test func agreesWithWhatWasWrittenBefore() throws {
    let sum = try sum([1])
    let bytes = withUnsafeBytes(of: sum) { Array($0) }
    #expect(Digest(.md5, bytes: bytes)?.hex == "516f8ae022b2b27f0e7527d72ff3eab9")
  }

  @Test func dependsOnEveryByteTheNumberAndTheKey() throws {
    let bytes = units(2) + [7, 8, 9]
    let plain = try sum(bytes)
    for index in [0, 1, 4096, Self.unit - 1, Self.unit, bytes.count - 1] {
      var other = bytes
      other[index] ^= 1
      #expect(try sum(other) != plain)
    }
    #expect(try sum(bytes + [1]) != plain)
    #expect(try sum(bytes, from: 1) != plain)
    #expect(try sum(bytes, key: 1) != plain)
    #expect(try sum(bytes) == plain)
  }

  @Test func isTheSumOfItsUnitsInAnyOrder() throws {
    let bytes = units(5) + [1, 2, 3]
    let one = try BlockHash(key: [UInt8](repeating: 0, count: 16))
    var total = BlockHash.Sum()
    for number in [3, 0, 5, 1, 4, 2] {
      let end = min(bytes.count, (number + 1) * Self.unit)
      total ^= try bytes[number * Self.unit..<end].withUnsafeBytes { try one.sum(of: $0, from: UInt64(number)) }
    }
    #expect(try sum(bytes) == total)
  }

  @Test func unitsInEachOthersPlaceAreNotTheSame() throws {
    let bytes = units(3)
    let swapped = Array(bytes[Self.unit..<2 * Self.unit] + bytes[..<Self.unit] + bytes[(2 * Self.unit)...])
    #expect(try sum(swapped) != sum(bytes))
  }

  @Test func theSameDamageInTwoEqualUnitsDoesNotCancelOut() throws {
    let unit = units(1)
    var damaged = unit
    damaged[100] ^= 4
    #expect(try sum(unit + unit) != sum(damaged + damaged))
    #expect(try sum(unit + unit) != BlockHash.Sum())
  }

  @Test func zerosCountNothingWhereverTheyStand() throws {
    let zeros = [UInt8](repeating: 0, count: Self.unit)
    #expect(try sum(zeros + zeros) == BlockHash.Sum())
    #expect(try sum([]) == BlockHash.Sum())
    #expect(try sum(zeros + [1, 2]) == sum([1, 2], from: 1))
    // What fills up the last unit is there or not.
    #expect(try sum([1, 2] + [UInt8](repeating: 0, count: 5_000)) == sum([1, 2]))
  }

  @Test func aKeyOfAnotherLengthIsRefused() {
    #expect(throws: SlipwayError.self) { try BlockHash(key: [1, 2, 3]) }
  }
}

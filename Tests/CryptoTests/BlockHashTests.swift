import Crypto
import Model
import Testing

@Suite struct BlockHashTests {
  private func hash(_ bytes: [UInt8], number: UInt64 = 0, key: UInt8 = 0) throws -> [UInt8] {
    let hash = try BlockHash(key: [UInt8](repeating: key, count: 16))
    try hash.begin(number)
    try bytes.withUnsafeBytes { try hash.update($0) }
    return try hash.finish()
  }

  /// NIST's GCM test case 1: no data, key and nonce zero.
  @Test func agreesWithTheStandardsVector() throws {
    let expected = Digest(.md5, bytes: try hash([]))
    #expect(expected?.hex == "58e2fccefa7e3061367f1d57a4e7455a")
  }

  @Test func dependsOnEveryByteTheNumberAndTheKey() throws {
    let bytes = [UInt8](repeating: 7, count: 10_000)
    let plain = try hash(bytes)
    for index in [0, 1, 4096, 9999] {
      var other = bytes
      other[index] ^= 1
      #expect(try hash(other) != plain)
    }
    #expect(try hash(bytes + [0]) != plain)
    #expect(try hash(bytes, number: 1) != plain)
    #expect(try hash(bytes, key: 1) != plain)
    #expect(try hash(bytes) == plain)
  }

  @Test func oneObjectServesManyBlocksInPieces() throws {
    let one = try BlockHash(key: [UInt8](repeating: 0, count: 16))
    for number in UInt64(0)..<3 {
      try one.begin(number)
      try [UInt8](repeating: 7, count: 6_000).withUnsafeBytes { try one.update($0) }
      try [UInt8](repeating: 7, count: 4_000).withUnsafeBytes { try one.update($0) }
      #expect(try one.finish() == hash([UInt8](repeating: 7, count: 10_000), number: number))
    }
  }

  @Test func zerosAreAsZeroBytes() throws {
    let one = try BlockHash(key: [UInt8](repeating: 0, count: 16))
    try one.begin(0)
    try one.zeros(3 << 20)
    #expect(try one.finish() == hash([UInt8](repeating: 0, count: 3 << 20)))
  }

  @Test func aKeyOfAnotherLengthIsRefused() {
    #expect(throws: SlipwayError.self) { try BlockHash(key: [1, 2, 3]) }
  }
}

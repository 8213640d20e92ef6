import Crypto
import Model
import Testing

@Suite struct StreamingDigestTests {
  /// FIPS 180-4 and RFC 1321: the digests of "abc".
  static let abc: [(DigestAlgorithm, String)] = [
    (.md5, "900150983cd24fb0d6963f7d28e17f72"),
    (.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (.sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    (.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (.sha384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"),
    (
      .sha512,
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    ),
  ]

  /// The digests of a mebibyte of zeros and one byte more, from Python's hashlib.
  static let zeros: [(DigestAlgorithm, String)] = [
    (.md5, "9587b149ff392ca6887a05d921e73e72"),
    (.sha1, "a84d35eda74338bd79a432f77d73f8ab5eb91902"),
    (.sha224, "22461bc7c9beb48d6307b5fe7e3ba036679786fc14889236120dcabc"),
    (.sha256, "2cb74edba754a81d121c9db6833704a8e7d417e5b13d1a19f4a52f007d644264"),
    (.sha384, "dea5edd2d24245dbafcc6c90cad4d35cdb8e99b8941f96c7abb10b9fe81b47233b3ae66bcf13d1f2674859dc460932cb"),
    (
      .sha512,
      "e5eaf1ef45b2356a4877189a28555adefe9213da13ce13c3d81010381ec8a451233dfff34fe308e543e745e0dcaf3cf60243ef73d20d00d5b681b0ad021bdbe7"
    ),
  ]

  @Test(arguments: abc) func theKnownDigestOfABC(algorithm: DigestAlgorithm, hex: String) throws {
    #expect(try Digest.of(Array("abc".utf8), algorithm).hex == hex)
  }

  @Test(arguments: zeros) func zerosAreTakenAsBytes(algorithm: DigestAlgorithm, hex: String) throws {
    let digest = try StreamingDigest(algorithm)
    try digest.zeros(1_048_577)
    #expect(try digest.finalize().hex == hex)
  }

  @Test(arguments: DigestAlgorithm.allCases) func blocksAndHolesInAnySplitGiveTheSame(algorithm: DigestAlgorithm) throws {
    var bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    bytes += [UInt8](repeating: 0, count: 70_000)
    bytes += [1, 2, 3]
    let digest = try StreamingDigest(algorithm)
    try digest.update(Array(bytes[..<17]))
    try digest.update([])
    try digest.zeros(0)
    try digest.update(Array(bytes[17..<5000]))
    try digest.zeros(69_999)
    try digest.update([0, 1, 2, 3])
    #expect(try digest.finalize() == Digest.of(bytes, algorithm))
  }

  @Test func nothingHasADigestToo() throws {
    #expect(try Digest.of([], .sha256).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test func aFinishedDigestTakesNothingMore() throws {
    let digest = try StreamingDigest(.sha256)
    _ = try digest.finalize()
    #expect(throws: SlipwayError.self) { try digest.update([1]) }
    #expect(throws: SlipwayError.self) { try digest.zeros(1) }
    #expect(throws: SlipwayError.self) { _ = try digest.finalize() }
  }
}

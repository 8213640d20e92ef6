import Model
import Testing

@Suite struct ByteCountTests {
  @Test(arguments: [
    ("0", Int64(0)), ("20G", 20 << 30), ("1.5M", 3 << 19), ("512k", 512 << 10), ("2TiB", 2 << 40), ("7b", 7), ("9223372036854775807", .max),
  ])
  func reads(_ text: String, _ bytes: Int64) throws { #expect(try ByteCount(parsing: text).bytes == bytes) }

  @Test(arguments: ["", "G", "-1", "1.5", "1..5G", "9223372036854775808", "9000000000G", "20 G", "ten", "1e3", "0x10", "٣"])
  func refuses(_ text: String) {
    let error = #expect(throws: SlipwayError.self) { try ByteCount(parsing: text) }
    #expect(error?.code == .invalidSize)
  }

  @Test func aCountThatIsTooLargeForBytesIsTheLargest() {
    #expect(ByteCount.gib(1 << 33).bytes == .max)
    #expect(ByteCount.gib(1 << 34).bytes == .max)
    #expect(ByteCount.gib(-1).bytes == 0)
    #expect(ByteCount.mib(3).bytes == 3 << 20)
  }

  @Test func writesForPeople() {
    #expect(ByteCount(20 << 30).description == "20 GiB")
    #expect(ByteCount(3 << 19).description == "1.5 MiB")
    #expect(ByteCount(17).description == "17 B")
  }
}

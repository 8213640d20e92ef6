import Testing

@testable import Disks

@Suite struct ImageIDTests {
  @Test(arguments: [
    ("10b8a1b2c3d4", UInt64(0x10b8), true),
    ("10b81", 0x10b8, true),
    ("10b8", 0x10b8, false),
    ("10b81234567890", 0x10b8, false),
    ("20b8a1b2c3d4", 0x10b8, false),
    // 9 + 8 digits: the first three are cut.
    ("456789deadbeef", 0x1_2345_6789, true),
    ("556789deadbeef", 0x1_2345_6789, false),
  ])
  func belongsToTheClientWhoseNumberItBeginsWith(_ id: String, _ instance: UInt64, _ expected: Bool) {
    #expect(RBDDisks.imageID(id, isOf: instance) == expected)
  }
}

import Crypto
import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

/// Block hashes that are taken while a base is written: whatever the order and the cut, they are those of the file.
@Suite(.timeLimit(.minutes(3))) struct RecordedHashesTests {
  let scratch: Scratch
  static let unit: Int64 = 65536
  static let block = BlockHashes.blockSize

  init() throws { scratch = try Scratch() }

  /// Pieces of a sparse file as a transfer cuts them: whole units but for the end of the file, neighbours or not, some across two blocks; in any order.
  private func pieces(_ size: Int64, _ random: inout some RandomNumberGenerator) -> [Range<Int64>] {
    var pieces: [Range<Int64>] = []
    var position: Int64 = 0
    while position < size {
      let end = min(size, position + Self.unit * .random(in: 1...90, using: &random))
      if Bool.random(using: &random) { pieces.append(position..<end) }
      position = end
    }
    return pieces.shuffled(using: &random)
  }

  /// Units of one byte that differ in their beginnings, too; every fifth is zeros.
  private static func bytes(_ piece: Range<Int64>, _ salt: UInt8) -> [UInt8] {
    var bytes: [UInt8] = []
    for start in stride(from: piece.lowerBound, to: piece.upperBound, by: Int(unit)) {
      let (number, count) = (start / unit, Int(min(unit, piece.upperBound - start)))
      var one = [UInt8](repeating: number % 5 == 2 ? 0 : UInt8(truncatingIfNeeded: number) &+ salt, count: count)
      if number % 5 != 2 { one[count / 2] = UInt8(truncatingIfNeeded: number >> 8) ^ 0x5A }
      bytes += one
    }
    return bytes
  }

  @Test(arguments: 1...12) func areThoseOfTheFile(seed: UInt64) async throws {
    var random = Seeded(state: seed)
    let odd: Int64 = .random(in: 0...70_000, using: &random)
    let size = [0, 1, Self.unit, Self.block, Self.block * 3, Self.block * 5].randomElement(using: &random).map { $0 + odd } ?? odd
    let pieces = pieces(size, &random)
    let store = try await scratch.open()
    let identity = try identity()
    let context = scratch.context
    let salt = UInt8(truncatingIfNeeded: seed)
    try await store.withBaseLock(identity, context: context) { lock in
      let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: context)
      let tell = try await staged.recording()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for piece in pieces {
          group.addTask {
            try await store.pool.run {
              // Some units are zeros although they are told.
              let bytes = Self.bytes(piece, salt)
              try bytes.withUnsafeBytes { try tell($0, piece.lowerBound) }
              try staged.file.write(bytes, at: piece.lowerBound)
            }
          }
        }
        try await group.waitForAll()
      }
      try staged.file.truncate(to: size)
      _ = try await store.publish(staged, record: record(identity, size: size))
    }
    #expect(scratch.names("tmp") == [])
    let report = try await store.verify(identity.name, context: context)
    #expect(report.verdict == .sound)
    #expect(report.blocks == (size + Self.block - 1) / Self.block)
    // What was hashed on the way finds damage as what was read does, in data and in holes.
    if size > 0 {
      let place = Int64.random(in: 0..<size, using: &random)
      #expect(chmod(store.path(of: identity.name), 0o644) == 0)
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: store.path(of: identity.name)))
      try file.seek(toOffset: UInt64(place))
      let byte = try #require(try file.read(upToCount: 1)?.first)
      try file.seek(toOffset: UInt64(place))
      try file.write(contentsOf: Data([byte ^ 1]))
      try file.synchronize()
      try file.close()
      let damaged = try await store.verify(identity.name, context: context)
      #expect(damaged.damaged.first.map { $0.offset / Self.block } == place / Self.block)
      #expect(damaged.damagedBlocks == 1)
    }
    await store.close()
  }

  @Test func aShortPieceInTheMiddleIsFollowedByZeros() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    let context = scratch.context
    try await store.withBaseLock(identity, context: context) { lock in
      let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: context)
      let tell = try await staged.recording()
      // As a qcow2's header, and its last cluster.
      for offset in [0, 5 * Self.unit] {
        let bytes = [UInt8](repeating: 9, count: 100)
        try bytes.withUnsafeBytes { try tell($0, offset) }
        try staged.file.write(bytes, at: offset)
      }
      try staged.file.truncate(to: 7 * Self.unit)
      _ = try await store.publish(staged, record: record(identity))
    }
    #expect(try await store.verify(identity.name, context: context).verdict == .sound)
    await store.close()
  }

  @Test func aBaseThatIsGivenUpLeavesNoHashes() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    let context = scratch.context
    try await store.withBaseLock(identity, context: context) { lock in
      let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: context)
      _ = try await staged.recording()
      #expect(scratch.names("tmp").contains { $0.hasSuffix(".blocks") })
      await staged.abandon()
    }
    #expect(scratch.names("tmp") == [])
    await store.close()
  }

  @Test func aPieceAcrossTheUnitsIsAMistake() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    let context = scratch.context
    try await store.withBaseLock(identity, context: context) { lock in
      let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: context)
      let tell = try await staged.recording()
      let error = #expect(throws: SlipwayError.self) { try [UInt8](repeating: 1, count: 10).withUnsafeBytes { try tell($0, 512) } }
      #expect(error?.code == .internalError)
      await staged.abandon()
    }
    await store.close()
  }
}

/// SplitMix64.
private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

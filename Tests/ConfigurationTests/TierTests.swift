import Configuration
import Model
import Testing

/// `bases.tiers`: which pool takes an image.
@Suite struct TierTests {
  static let text = """
    bases:
      pool: rest
      max_bytes: 5T
      tiers:
        - { name: fast, pool: nvme, data_pool: nvme-ec, max_bytes: 500G, max_count: 9, max_image: 20G, owners: [p1, p2] }
        - { name: golden, pool: gold, tags: [golden, base] }
        - { name: asked, pool: slow }
    """

  func image(_ size: ByteCount?, owner: String? = nil, tags: [String] = []) -> ImageDescription {
    var image = ImageDescription(diskFormat: "qcow2", virtualSize: size, owner: owner)
    image.tags = tags
    return image
  }

  @Test func theyAreReadInOrderAndThePoolForTheRestIsLast() throws {
    let bases = try load(Self.text).configuration.bases
    #expect(bases.tiers.map(\.name) == ["fast", "golden", "asked", "default"])
    #expect(bases.tiers.map(\.pool) == ["nvme", "gold", "slow", "rest"])
    #expect(bases.tiers.map(\.maxBytes) == [.gib(500), nil, nil, .gib(5 << 10)])
    #expect(bases.tiers.map(\.maxCount) == [9, 0, 0, 0])
    #expect(bases.tiers.map(\.dataPool) == ["nvme-ec", nil, nil, nil])
    #expect(bases.rest.pool == "rest")
    #expect(bases.tier(pool: "gold")?.name == "golden")
    #expect(bases.onUsed == .keep)
  }

  @Test func withoutAnyThereIsThePoolAlone() throws {
    let bases = try load("bases: { pool: p, max_count: 3, on_used: trash }").configuration.bases
    #expect(bases.tiers == [bases.rest])
    #expect(bases.rest.maxCount == 3)
    #expect(bases.onUsed == .trash)
  }

  @Test(
    "every condition that is given must hold",
    arguments: [
      (ByteCount.gib(20), "p1", [], ["fast"]), (.gib(20), "p2", ["x"], ["fast"]), (.gib(21), "p1", [], []), (nil, "p1", [], []),
      (.gib(1), "p3", [], []), (.gib(1), nil, [], []), (.gib(99), "p3", ["x", "base"], ["golden"]),
      (.gib(1), "p1", ["golden"], ["fast", "golden"]),
    ] as [(ByteCount?, String?, [String], [String])])
  func rules(_ size: ByteCount?, _ owner: String?, _ tags: [String], _ taking: [String]) throws {
    let tiers = try load(Self.text).configuration.bases.tiers
    #expect(tiers.filter { $0.takes(image(size, owner: owner, tags: tags)) }.map(\.name) == taking)
  }

  @Test func theSizeOfARawImageIsThatOfItsBytes() throws {
    let fast = try load("bases: { tiers: [{ name: f, pool: p, max_image: 1G }] }").configuration.bases.tiers[0]
    #expect(fast.takes(ImageDescription(diskFormat: "raw", size: .gib(1))))
    #expect(!fast.takes(ImageDescription(diskFormat: "raw", size: .gib(2))))
    #expect(!fast.takes(ImageDescription(diskFormat: "qcow2", size: .gib(1))), "what a guest would see is not told")
  }

  @Test(
    "names and pools are unique",
    arguments: [
      ("bases: { tiers: [{ name: a, pool: p }, { name: a, pool: q }] }", "two tiers are called 'a'"),
      ("bases: { tiers: [{ name: default, pool: p }] }", "two tiers are called 'default'"),
      ("bases: { tiers: [{ name: a, pool: p }, { name: b, pool: p }] }", "the pool 'p' of the tier 'b'"),
      ("bases: { pool: p, tiers: [{ name: a, pool: p }] }", "the pool 'p' of the tier 'a'"),
    ])
  func unique(_ text: String, _ message: String) throws {
    let problem = try #require(try problems(text).first)
    #expect(problem.key == "bases.tiers" && problem.message.hasPrefix(message), "\(problem)")
  }
}

internal import Files
internal import Model
internal import Runtime

/// A run of bytes in a base's file.
public struct ByteRun: Sendable, Hashable, Codable {
  /// First byte.
  public var offset: Int64
  /// Number of bytes, more than 0.
  public var length: Int64

  /// A run.
  public init(offset: Int64, length: Int64) {
    self.offset = offset
    self.length = length
  }
}

/// That a base is damaged: no new disk grows from it, while the disks that use it keep its name and bytes.
public struct DamageMark: Sendable, Hashable, Codable {
  /// The version of the file that we write.
  public static let currentVersion = 1
  /// The file's version.
  public var version: Int
  /// One sentence why.
  public var reason: String
  /// Where in the file, as far as it is known; at most `VerifyReport.runLimit` runs.
  public var blocks: [ByteRun]
  /// When it was found, seconds since 1970.
  public var found: Int64
  /// Whether block hashes that fit do not disprove it. Nil for no.
  public var isLasting: Bool?

  enum CodingKeys: String, CodingKey {
    case version, reason, blocks, found
    case isLasting = "lasting"
  }
}

extension Store {
  /// Marks a base as damaged, so that lookups refuse it. The bytes stay as they are. Throws `base_not_found`, `busy` when the lock was taken away.
  @discardableResult
  public func markDamaged(
    _ lock: BaseLock, reason: String, blocks: [ByteRun] = [], isLasting: Bool = false
  ) async throws -> DamageMark {
    try await pool.run {
      try lock.verify()
      let name = lock.name
      guard try self.bases.status(of: name.text) != nil else {
        throw SlipwayError(.baseNotFound, "there is no base \(self.path(of: name))", object: self.path(of: name))
      }
      let mark = DamageMark(
        version: DamageMark.currentVersion, reason: reason, blocks: Array(blocks.prefix(VerifyReport.runLimit)), found: self.now(),
        isLasting: isLasting ? true : nil)
      let bytes = try StoreJSON.encode(mark)
      try self.meta.replace(name.damage, with: bytes, temporary: TemporaryName(.json).text, in: self.temporary)
      self.index(name)
      return mark
    }
  }

  /// Takes the mark away, after a verification that found the base whole. False when there was none.
  @discardableResult
  public func clearDamage(_ lock: BaseLock) async throws -> Bool {
    try await pool.run {
      try lock.verify()
      let found = try self.clearDamageNow(lock.name)
      self.index(lock.name)
      return found
    }
  }

  /// The mark on a base, nil when it has none.
  public func damage(of name: BaseName) async throws -> DamageMark? {
    try await pool.run { try self.damageNow(name) }
  }

  func clearDamageNow(_ name: BaseName) throws(SlipwayError) -> Bool {
    let found = try meta.remove(name.damage)
    if found { try meta.sync() }
    return found
  }

  /// A mark that cannot be read marks all the same.
  func damageNow(_ name: BaseName) throws(SlipwayError) -> DamageMark? {
    guard let bytes = try meta.contents(of: name.damage) else { return nil }
    if let mark = try? StoreJSON.decode(DamageMark.self, bytes) { return mark }
    return DamageMark(version: 0, reason: "its mark \(meta.path)/\(name.damage) is unreadable", blocks: [], found: 0)
  }
}

internal import Ceph
internal import Foundation
internal import Model
internal import Runtime

/// Marks on a base's claim object.
enum Mark {
  static let state = "state"
  static let ready = "ready"
  static let going = "going"
  static let used = "used"
  static let hits = "hits"
  static let pin = "pin"
  static let images = "images"
  static let work = "work"
}

extension PoolStore {
  func usage(_ name: PoolBaseName) async throws -> PoolBaseUsage? {
    guard let marks = try await pool.attributes(name.claim) else { return nil }
    func decoded<Value: Decodable>(_ type: Value.Type, _ key: String) -> Value? {
      marks[key].flatMap { try? JSONDecoder().decode(type, from: Data($0.utf8)) }
    }
    return PoolBaseUsage(
      lastUse: marks[Mark.used].flatMap { Int64($0) } ?? 0, hits: marks[Mark.hits].flatMap { Int64($0) } ?? 0,
      pin: decoded(PoolBaseUsage.Pin.self, Mark.pin), images: decoded([ImageID].self, Mark.images) ?? [])
  }

  /// Notes that a disk is about to be made from a base; false when it is not ready any more, since somebody removes it.
  ///
  /// In one step with the look at its state: whoever removes a base sees the use, or the use is refused.
  func noteUse(_ base: PoolBase, image: ImageID?, isHit: Bool) async throws -> Bool {
    var values = [Mark.used: String(Self.now)]
    if isHit { values[Mark.hits] = String(base.usage.hits + 1) }
    if let image, base.record.image != image, !base.usage.images.contains(image) {
      values[Mark.images] = try Self.encode(Array((base.usage.images + [image]).suffix(64)))
    }
    return try await pool.setAttributes(base.name.claim, values, ifAttribute: Mark.state, equals: Mark.ready)
  }

  /// Pins a base, until `expires` (seconds since 1970) or for good; false when it is not there.
  public func pin(_ name: PoolBaseName, note: String?, expires: Int64?) async throws -> Bool {
    let pin = PoolBaseUsage.Pin(note: note, created: Self.now, expires: expires)
    return try await pool.setAttributes(name.claim, [Mark.pin: try Self.encode(pin)], ifAttribute: Mark.state, equals: Mark.ready)
  }

  /// Takes a pin away; false when there was none.
  public func unpin(_ name: PoolBaseName) async throws -> Bool {
    guard try await pool.attribute(name.claim, Mark.pin) != nil else { return false }
    try await pool.removeAttribute(name.claim, Mark.pin)
    return true
  }

  /// All bases that are ready, by name; up to 16 are asked at once. A base of a newer Slipway is left out.
  public func list() async throws -> [PoolBase] {
    let names = try await pool.images().compactMap { PoolBaseName(image: $0) }
    return try await withThrowingTaskGroup(of: PoolBase?.self) { group in
      var found: [PoolBase] = []
      var waiting = names.makeIterator()
      func add(_ name: PoolBaseName) {
        group.addTask {
          do {
            guard var base = try await find(name) else { return nil }
            base.usage.isClaimed = try await ObjectLease.isHeld(name.claim, in: pool)
            return base
          } catch let error as SlipwayError where error.code == .notOurs {
            return nil
          }
        }
      }
      for _ in 0..<16 { if let name = waiting.next() { add(name) } }
      while let base = try await group.next() {
        if let base { found.append(base) }
        if let name = waiting.next() { add(name) }
      }
      return found.sorted { $0.name < $1.name }
    }
  }

  /// The disks that were cloned from a base, `pool/image` each, those in a trash too.
  public func children(of base: PoolBase) async throws -> [String] {
    let image: Image
    do {
      image = try await pool.open(base.name.image)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return []
    }
    do {
      let children = try await image.children()
      await image.close()
      return children.map { "\($0.pool)/\($0.image)" + ($0.isTrashed ? " (in the trash)" : "") }.sorted()
    } catch {
      await image.close()
      throw error
    }
  }
}

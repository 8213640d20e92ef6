internal import Model
internal import Runtime

/// A name in `tmp` that tells who made it, so that a sweep knows whose owner is gone: `<boot>+<pid>+<started>+<host>+<number>.<kind>`,
/// with `+<base>` after the number where it stands for one.
struct TemporaryName: Hashable {
  /// What lies under the name.
  enum Kind: String, CaseIterable {
    /// A base in the making, where the file system has no unnamed files.
    case part
    /// A promise of space; the file's size is what is still promised.
    case reserve
    /// A sidecar on its way to `meta`.
    case json
    /// Block hashes in the making.
    case blocks
    /// A base on its way out; the name tells which.
    case evict
    /// In `leases`: a lease on the base that the name tells.
    case lease
  }

  let owner: ProcessOwner
  let number: UInt64
  let kind: Kind
  /// The base that it stands for.
  let base: BaseName?

  private static let counter = Locked<UInt64>(0)

  /// A name that no one has.
  init(_ kind: Kind, of base: BaseName? = nil, owner: ProcessOwner = .current) {
    self.owner = owner
    number = TemporaryName.counter.with { counter in
      counter += 1
      return counter
    }
    self.kind = kind
    self.base = base
  }

  /// Nil for a name that is not ours.
  init?(parsing text: String) {
    guard let dot = text.lastIndex(of: "."), let kind = Kind(rawValue: String(text[text.index(after: dot)...])) else { return nil }
    let parts = text[..<dot].split(separator: "+", omittingEmptySubsequences: false)
    guard parts.count == 5 || parts.count == 6, let pid = Int32(parts[1]), let started = UInt64(parts[2]),
      let host = PercentEncoding.decode(parts[3]),
      let number = UInt64(parts[4])
    else { return nil }
    base = parts.count == 6 ? BaseName(any: String(parts[5])) : nil
    // Only what stands for a base carries one.
    guard (base != nil) == (parts.count == 6), (base != nil) == (kind == .evict || kind == .lease) else { return nil }
    owner = ProcessOwner(host: host, boot: String(parts[0]), pid: pid, started: started)
    self.number = number
    self.kind = kind
  }

  var text: String {
    let base = base.map { "+\($0)" } ?? ""
    return "\(owner.boot)+\(owner.pid)+\(owner.started)+\(PercentEncoding.encode(owner.host))+\(number)\(base).\(kind.rawValue)"
  }
}

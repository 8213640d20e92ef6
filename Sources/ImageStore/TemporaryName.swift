internal import Model
internal import Runtime

/// A name in `tmp` that tells who made it, so that a sweep knows whose owner is gone: `<boot>+<pid>+<started>+<host>+<number>.<kind>`.
struct TemporaryName: Hashable {
  /// What lies under the name.
  enum Kind: String, CaseIterable {
    /// A base in the making, where the file system has no unnamed files.
    case part
    /// A promise of space; the file's size is what is still promised.
    case reserve
    /// A sidecar on its way to `meta`.
    case json
  }

  let owner: ProcessOwner
  let number: UInt64
  let kind: Kind

  private static let counter = Locked<UInt64>(0)

  /// A name that no one has.
  init(_ kind: Kind, owner: ProcessOwner = .current) {
    self.owner = owner
    number = TemporaryName.counter.with { counter in
      counter += 1
      return counter
    }
    self.kind = kind
  }

  /// Nil for a name that is not ours.
  init?(parsing text: String) {
    guard let dot = text.lastIndex(of: "."), let kind = Kind(rawValue: String(text[text.index(after: dot)...])) else { return nil }
    let parts = text[..<dot].split(separator: "+", omittingEmptySubsequences: false)
    guard parts.count == 5, let pid = Int32(parts[1]), let started = UInt64(parts[2]), let host = PercentEncoding.decode(parts[3]),
      let number = UInt64(parts[4])
    else { return nil }
    owner = ProcessOwner(host: host, boot: String(parts[0]), pid: pid, started: started)
    self.number = number
    self.kind = kind
  }

  var text: String {
    "\(owner.boot)+\(owner.pid)+\(owner.started)+\(PercentEncoding.encode(owner.host))+\(number).\(kind.rawValue)"
  }
}

/// Where a Ceph monitor listens, as libvirt's `<host>` wants it: a name or address without brackets, and a port.
public struct MonitorAddress: Sendable, Hashable {
  /// An IPv4 or IPv6 address, or a host name.
  public var host: String
  /// The port; nil leaves the choice to librados, which tries both protocols at their usual ports.
  public var port: UInt16?

  /// A monitor's address.
  public init(host: String, port: UInt16?) {
    self.host = host
    self.port = port
  }
}

extension MonitorAddress {
  /// The monitors in a `mon_host` setting, in order, each once. Understands what librados does: addresses, names, `[v2:…,v1:…]` vectors, IPv6 in
  /// brackets, a nonce (`/0`); separated by commas, semicolons or white space. (Ceph `MonMap::init_with_hosts`, `entity_addrvec_t::parse`.)
  ///
  /// Of a monitor with several addresses the v1 one counts: `<host>` has no place for a protocol, QEMU hands it to librados as `host:port`, and
  /// old clients take that for v1. One that has only a v2 address keeps its port; librados tries both protocols on it.
  public static func monitors(in monHost: String) -> [MonitorAddress] {
    var found: [MonitorAddress] = []
    for entry in entries(monHost) {
      let addresses = entry.compactMap(TypedAddress.init)
      guard let chosen = addresses.first(where: { $0.kind == "v1" }) ?? addresses.first else { continue }
      if !found.contains(chosen.address) { found.append(chosen.address) }
    }
    return found
  }

  private static func isSeparator(_ character: Character) -> Bool { character == "," || character == ";" || character.isWhitespace }

  /// One entry for each monitor: the texts of its addresses.
  private static func entries(_ text: String) -> [[String]] {
    var entries: [[String]] = []
    var rest = text[...]
    while let first = rest.first {
      if isSeparator(first) {
        rest.removeFirst()
        continue
      }
      if first == "[", isVector(rest), let end = endOfVector(rest) {
        let inner = rest[rest.index(after: rest.startIndex)..<end]
        entries.append(inner.split(whereSeparator: isSeparator).map(String.init))
        rest = rest[rest.index(after: end)...]
      } else {
        let word = rest.prefix { !isSeparator($0) }
        entries.append([String(word)])
        rest = rest[word.endIndex...]
      }
    }
    return entries
  }

  /// Whether the bracket opens a vector of addresses and not an IPv6 address.
  private static func isVector(_ text: Substring) -> Bool {
    let inner = text.dropFirst()
    return ["v1:", "v2:", "any:"].contains { inner.hasPrefix($0) }
  }

  /// The bracket that closes the vector; those of IPv6 addresses within are passed over.
  private static func endOfVector(_ text: Substring) -> Substring.Index? {
    var depth = 0
    for index in text.indices {
      if text[index] == "[" { depth += 1 }
      if text[index] == "]" {
        depth -= 1
        if depth == 0 { return index }
      }
    }
    return nil
  }
}

/// `v1:10.0.0.1:6789/0` and the like.
private struct TypedAddress {
  /// `v1`, `v2` or nothing.
  var kind: String?
  var address: MonitorAddress

  init?(_ text: String) {
    var rest = text[...]
    for kind in ["v1", "v2", "any"] where rest.hasPrefix(kind + ":") {
      self.kind = kind
      rest = rest.dropFirst(kind.count + 1)
    }
    if let slash = rest.firstIndex(of: "/") { rest = rest[..<slash] }
    let host: Substring
    var port: Substring?
    if rest.first == "[" {
      guard let end = rest.firstIndex(of: "]") else { return nil }
      host = rest[rest.index(after: rest.startIndex)..<end]
      let after = rest[rest.index(after: end)...]
      if after.first == ":" { port = after.dropFirst() }
    } else if rest.filter({ $0 == ":" }).count > 1 {
      // An IPv6 address without brackets has no port.
      host = rest
    } else if let colon = rest.firstIndex(of: ":") {
      host = rest[..<colon]
      port = rest[rest.index(after: colon)...]
    } else {
      host = rest
    }
    guard !host.isEmpty else { return nil }
    let number = port.flatMap { UInt16($0) }
    address = MonitorAddress(host: String(host), port: number == 0 ? nil : number)
  }
}

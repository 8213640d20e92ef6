/// What the protocol machine must know of an export.
struct ExportFacts: Equatable, Sendable {
  /// Size in bytes.
  var size: Int64
  /// The name under which it may be asked for, next to the empty one.
  var name = ""
  var canRead = true
  var canWrite = false
  /// The longest read or write, in bytes; a power of two, 64 KiB or more.
  var longest = 4 << 20

  var flags: UInt16 {
    var flags = Protocol.Can.hasFlags | Protocol.Can.flush | Protocol.Can.dontFragment
    if canWrite {
      flags |= Protocol.Can.fua | Protocol.Can.trim | Protocol.Can.writeZeroes
    } else {
      flags |= Protocol.Can.readOnly
    }
    return flags
  }
}

/// Numbers of the NBD protocol (NetworkBlockDevice/nbd, doc/proto.md): fixed newstyle, structured replies, `base:allocation`.
enum Protocol {
  static let greeting: UInt64 = 0x4E42_444D_4147_4943  // NBDMAGIC
  static let optionMagic: UInt64 = 0x4948_4156_454F_5054  // IHAVEOPT
  static let optionReplyMagic: UInt64 = 0x0003_E889_0455_65A9
  static let requestMagic: UInt32 = 0x2560_9513
  static let simpleReplyMagic: UInt32 = 0x6744_6698
  static let structuredReplyMagic: UInt32 = 0x668E_33EF

  static let fixedNewstyle: UInt16 = 1
  static let noZeroes: UInt16 = 2

  /// What a client asks for before the first request.
  enum Option {
    static let exportName: UInt32 = 1
    static let abort: UInt32 = 2
    static let list: UInt32 = 3
    static let info: UInt32 = 6
    static let go: UInt32 = 7
    static let structuredReply: UInt32 = 8
    static let listMetaContext: UInt32 = 9
    static let setMetaContext: UInt32 = 10
  }

  /// What a server answers to it.
  enum Answer {
    static let ack: UInt32 = 1
    static let server: UInt32 = 2
    static let info: UInt32 = 3
    static let metaContext: UInt32 = 4
    static let error: UInt32 = 1 << 31
    static let unsupported = error + 1
    static let policy = error + 2
    static let invalid = error + 3
    static let unknown = error + 6
    static let tooBig = error + 9
  }

  static let infoExport: UInt16 = 0
  static let infoBlockSize: UInt16 = 3

  /// What an export can do.
  enum Can {
    static let hasFlags: UInt16 = 1 << 0
    static let readOnly: UInt16 = 1 << 1
    static let flush: UInt16 = 1 << 2
    static let fua: UInt16 = 1 << 3
    static let trim: UInt16 = 1 << 5
    static let writeZeroes: UInt16 = 1 << 6
    static let dontFragment: UInt16 = 1 << 7
  }

  /// Requests.
  enum Command: UInt16, Sendable {
    case read = 0
    case write = 1
    case disconnect = 2
    case flush = 3
    case trim = 4
    case writeZeroes = 6
    case blockStatus = 7
  }

  /// Flags of requests.
  enum Flag {
    static let fua: UInt16 = 1 << 0
    static let noHole: UInt16 = 1 << 1
    static let dontFragment: UInt16 = 1 << 2
    static let oneExtent: UInt16 = 1 << 3
  }

  /// Chunks of a structured reply.
  enum Chunk {
    static let none: UInt16 = 0
    static let offsetData: UInt16 = 1
    static let offsetHole: UInt16 = 2
    static let blockStatus: UInt16 = 5
    static let error: UInt16 = 1 << 15
    static let errorOffset = error + 2
    static let done: UInt16 = 1
  }

  static let context = "base:allocation"
  static let contextID: UInt32 = 1
  /// States of `base:allocation`.
  static let hole: UInt32 = 1
  static let zero: UInt32 = 2

  /// The most that a name, a query or a list of them may have: names are at most 4096 bytes by the protocol.
  static let longestOption = 16384
  static let longestName = 4096
  /// Options that one client may send before it must come to the point.
  static let mostOptions = 64
}

/// Error numbers on the wire.
enum WireError {
  static let notPermitted: UInt32 = 1
  static let io: UInt32 = 5
  static let invalid: UInt32 = 22
  static let noSpace: UInt32 = 28
  static let unsupported: UInt32 = 95
}

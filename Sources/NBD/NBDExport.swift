public import Model
public import Runtime

/// What a peer may read of an export.
public protocol NBDReading: Sendable {
  /// Extents from `offset` on, ascending and without gap, the first one holding `offset`; what is not known to be a hole is data. They may stop before
  /// `end`, but not before `offset`.
  func extents(from offset: Int64, to end: Int64) async throws -> [Extent]

  /// Fills `buffer.memory[0..<length]` with the bytes from `offset`, within its own timeout.
  func read(at offset: Int64, length: Int, into buffer: Buffer) async throws
}

/// What a peer may write to an export. Errors of `no_space` and `permission_denied` reach the peer as such, all others as I/O errors.
public protocol NBDWriting: Sendable {
  /// Whether writes must come one at a time, in the order of the peer's requests; else as many at once as the peer asks for.
  var isOrdered: Bool { get }

  /// Writes `buffer.memory[0..<length]` at `offset`. It may return before the bytes are anywhere, if `flush` waits for them.
  func write(_ buffer: Buffer, length: Int, at offset: Int64) async throws

  /// Makes a range read as zeros.
  func zero(at offset: Int64, length: Int64) async throws

  /// Returns once all that was written before has arrived.
  func flush() async throws
}

/// What one connection serves.
public struct NBDExport: Sendable {
  /// Size in bytes, 0 or more.
  public let size: Int64
  /// Where reads come from; nil where nothing may be read.
  public let reading: (any NBDReading)?
  /// Where writes go; nil for read-only.
  public let writing: (any NBDWriting)?

  /// An export of `size` bytes.
  public init(size: Int64, reading: (any NBDReading)? = nil, writing: (any NBDWriting)? = nil) {
    self.size = max(0, size)
    self.reading = reading
    self.writing = writing
  }
}

/// How patient a connection is, and how much it does at once.
public struct NBDLimits: Sendable {
  /// For the whole handshake, from the connection to the first request.
  public var handshake: Duration = .seconds(30)
  /// Between two requests, while nothing is under way; nil where somebody else watches (see `NBDActivity`).
  public var idle: Duration? = .seconds(600)
  /// Within one message, and for a peer to take some of an answer.
  public var pace: Duration = .seconds(60)
  /// Bytes of one read or write, at most; a power of two, 64 KiB to 32 MiB.
  public var longest = 4 << 20
  /// Requests under way at once.
  public var requests = 16

  /// The defaults.
  public init() {}
}

public import Model
public import NBD
public import Runtime
public import Transfer

/// A source as something that a peer may read over NBD: a snapshot, so that the peer holds no key to it; a file, so that it opens none.
public final class ServedSource: NBDReading {
  private let source: any RandomAccessSource
  private let rate: RateLimit?
  private static let attempts = 3

  /// What `source` holds, which must not change meanwhile, read no faster than `rate` allows; it stays the caller's to close, once no server uses it any more.
  public init(_ source: any RandomAccessSource, rate: RateLimit? = nil) {
    self.source = source
    self.rate = rate
  }

  public func extents(from offset: Int64, to end: Int64) async throws -> [Extent] {
    try await patiently { try await source.extents(from: offset, to: end) }
  }

  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    try await rate?.take(length)
    // A read that gave up may still write into the memory later: what does not change under it writes the same bytes.
    try await patiently { try await source.read(at: offset, length: length, into: buffer) }
  }

  /// Once more where that may help, as a transfer does.
  private func patiently<Value>(_ body: () async throws -> Value) async throws -> Value {
    var attempt = 1
    while true {
      do {
        return try await body()
      } catch let error as SlipwayError where attempt < Self.attempts && Self.mayPass(error.code) {
        try await Task.sleep(for: .milliseconds(50 << attempt))
        attempt += 1
      }
    }
  }

  private static func mayPass(_ code: ErrorCode) -> Bool {
    switch code {
    case .sourceFailed, .timeout, .clusterUnreachable: true
    default: false
    }
  }
}

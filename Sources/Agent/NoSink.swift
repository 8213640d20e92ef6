internal import Runtime
internal import Transfer

/// Where bytes go that only their observers are to see.
struct NoSink: Sink {
  let granularity = 65536
  func write(_ buffer: Buffer, range: Range<Int>, at offset: Int64) async throws {}
  func reached(_ offset: Int64) async throws {}
  func finish(size: Int64) async throws {}
}

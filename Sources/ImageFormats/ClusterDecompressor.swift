internal import CZlib
internal import CZstd

/// Decompresses the clusters of one read; used by one thread. Never more output than one cluster, whatever the input.
struct ClusterDecompressor: ~Copyable {
  /// zstd takes a window of at most 4 MiB from the input: twice the largest cluster.
  private static let windowLog: Int32 = 22

  private let inflater: UnsafeMutablePointer<z_stream>?
  private let zstd: OpaquePointer?

  /// A decompressor; nil when there is no memory for one.
  init?(_ compression: Qcow2Header.Compression) {
    switch compression {
    case .zlib:
      let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
      stream.initialize(to: z_stream())
      // Raw deflate with a window of 4 KiB: what QEMU writes.
      guard slipway_inflate_init(stream, -12) == Z_OK else {
        stream.deallocate()
        return nil
      }
      inflater = stream
      zstd = nil
    case .zstd:
      guard let context = ZSTD_createDCtx() else { return nil }
      ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ClusterDecompressor.windowLog)
      inflater = nil
      zstd = context
    }
  }

  deinit {
    if let inflater {
      inflateEnd(inflater)
      inflater.deallocate()
    }
    ZSTD_freeDCtx(zstd)
  }

  /// Fills `cluster` from `source`, which may go on behind the compressed bytes; false unless it fills exactly.
  func decompress(_ source: UnsafeRawBufferPointer, into cluster: UnsafeMutableRawBufferPointer) -> Bool {
    if let inflater { return inflate(inflater, source, cluster) }
    guard let zstd else { return false }
    ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only)
    var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
    var output = ZSTD_outBuffer(dst: cluster.baseAddress, size: cluster.count, pos: 0)
    while output.pos < output.size {
      let before = (input.pos, output.pos)
      let code = ZSTD_decompressStream(zstd, &output, &input)
      guard ZSTD_isError(code) == 0, before != (input.pos, output.pos) else { return false }
    }
    return true
  }

  private func inflate(
    _ stream: UnsafeMutablePointer<z_stream>, _ source: UnsafeRawBufferPointer, _ cluster: UnsafeMutableRawBufferPointer
  ) -> Bool {
    guard inflateReset(stream) == Z_OK else { return false }
    // zlib does not write to its input; its type merely lacks the const.
    stream.pointee.next_in = UnsafeMutablePointer(mutating: source.bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(source.count)
    stream.pointee.next_out = cluster.bindMemory(to: UInt8.self).baseAddress
    stream.pointee.avail_out = UInt32(cluster.count)
    let code = CZlib.inflate(stream, Z_FINISH)
    // Z_BUF_ERROR: the cluster is full and input is left, since its length is known to a sector only.
    return (code == Z_STREAM_END || code == Z_BUF_ERROR) && stream.pointee.avail_out == 0
  }
}

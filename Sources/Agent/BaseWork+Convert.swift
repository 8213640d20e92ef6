internal import ImageFormats
internal import ImageStore
internal import Model
internal import Runtime
internal import Transfer
internal import Transports

extension BaseWork {
  /// The base's bytes from verified ones of another format, by qemu-img; the result was inspected, and `evidence` tells of it.
  ///
  /// Throws `configuration` without qemu-img, `format_refused` for what it does not take, `format_mismatch` for a result that is an image again, `timeout`.
  func converted(_ received: Received, from format: DiskFormat, _ evidence: inout Evidence) async throws -> (
    StagedBase, Int64, ByteTally
  ) {
    let source: any RandomAccessSource =
      switch received.place {
      case .staged(let staged): FileSource(staged.file, size: received.stored, workers: agent.data)
      case .source(_, let random): random
      }
    context.progress(Progress(phase: .converting, position: 0, total: nil))
    let converter = try Converter(format, agent: agent, object: "image \(image.key)", context: context)
    let size = try await converter.virtualSize(of: source, inspected: try received.inspection.result().virtualSize)
    let staged = try await store.stage(identity, reserve: ByteCount(min(size, received.stored)), lock: lock, context: context)
    do {
      let tap = try await staged.recording()
      let sink: any Sink =
        identity.format == .qcow2
        ? try Qcow2FileSink(staged.file, virtualSize: size, workers: agent.data, tap: tap)
        : RawFileSink(staged.file, workers: agent.data, tap: tap)
      let (moved, how) = try await agent.promising(staged) {
        // What lies in the store already was limited when it came.
        try await converter.convert(source, size: size, to: sink, rate: received.keepsSource ? rate : nil)
      }
      var tally = moved
      tally.read = received.tally.read
      evidence.conversion = how
      await received.abandon()
      return (staged, size, tally)
    } catch {
      await staged.abandon()
      throw error
    }
  }
}

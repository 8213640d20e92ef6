import Model
import Runtime

@testable import NBD

/// An export in memory, with errors on demand.
final class MemoryExport: NBDReading, NBDWriting {
  struct State: Sendable {
    var bytes: [UInt8]
    var readError: SlipwayError?
    var writeError: SlipwayError?
    var writes: [Range<Int64>] = []
    var zeroed: [Range<Int64>] = []
    var flushes = 0
  }
  let isOrdered: Bool
  let state: Locked<State>
  /// Waited for by each read, where there is one.
  let gate: Handoff<Void>?

  init(_ bytes: [UInt8], isOrdered: Bool = false, gate: Handoff<Void>? = nil) {
    self.isOrdered = isOrdered
    self.gate = gate
    state = Locked(State(bytes: bytes))
  }

  var bytes: [UInt8] { state.with { $0.bytes } }
  func failReads(_ error: SlipwayError) { state.with { $0.readError = error } }
  func failWrites(_ error: SlipwayError) { state.with { $0.writeError = error } }

  /// Holes are whole blocks of 4096 zeros.
  func extents(from offset: Int64, to end: Int64) async throws -> [Extent] {
    state.with { state in
      var found: [Extent] = []
      var position = offset
      while position < end {
        let stop = min(end, (position / 4096 + 1) * 4096)
        let isData = state.bytes.withUnsafeBytes { bytes in
          bytes[Int(position)..<Int(stop)].contains { $0 != 0 }
        }
        if let last = found.last, last.isData == isData {
          found[found.count - 1].length += stop - position
        } else {
          found.append(Extent(offset: position, length: stop - position, isData: isData))
        }
        position = stop
      }
      return found
    }
  }

  func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    try await gate?.value(cancellable: true)
    try state.with { state in
      if let error = state.readError { throw error }
      state.bytes.withUnsafeBytes { bytes in
        buffer.memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<Int(offset) + length]))
      }
    }
  }

  func write(_ buffer: Buffer, length: Int, at offset: Int64) async throws {
    try state.with { state in
      if let error = state.writeError { throw error }
      state.writes.append(offset..<offset + Int64(length))
      state.bytes.replaceSubrange(Int(offset)..<Int(offset) + length, with: buffer.memory[..<length])
    }
  }

  func zero(at offset: Int64, length: Int64) async throws {
    state.with { state in
      state.zeroed.append(offset..<offset + length)
      state.bytes.replaceSubrange(Int(offset)..<Int(offset + length), with: repeatElement(0, count: Int(length)))
    }
  }

  func flush() async throws { state.with { $0.flushes += 1 } }
}

/// A server and a client, connected; `body` uses the client.
func connected<Value: Sendable>(
  _ export: NBDExport, limits: NBDLimits = NBDLimits(), budget: ByteBudget = ByteBudget(capacity: 16 << 20),
  activity: NBDActivity = NBDActivity(), _ body: @Sendable (NBDClient) async throws -> Value
) async throws -> Value {
  let (ours, theirs) = try NBDSocket.pair()
  let server = NBDServer(export, on: ours, limits: limits, budget: budget, activity: activity)
  let serving = Task { try await server.run() }
  let client = try await NBDClient.connect(NBDSocket(taking: theirs))
  do {
    let value = try await body(client)
    await client.close()
    try await serving.value
    return value
  } catch {
    await client.close()
    serving.cancel()
    _ = await serving.result
    throw error
  }
}

/// Bytes that depend on their place, with blocks of zeros between them.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var generator = SplitMix(seed: seed)
  var bytes = [UInt8](repeating: 0, count: count)
  for start in stride(from: 0, to: count, by: 4096) where start / 4096 % 3 != 1 {
    // A few words, again and again: enough to tell places apart, and quick.
    let words = (0..<8).flatMap { _ in withUnsafeBytes(of: generator.next() | 1) { Array($0) } }
    let block = Array(repeatElement(words, count: 64).joined())
    bytes.replaceSubrange(start..<min(count, start + 4096), with: block.prefix(count - start))
  }
  return bytes
}

func buffer(_ bytes: [UInt8]) -> Buffer {
  let buffer = Buffer(capacity: bytes.count)
  buffer.memory.copyBytes(from: bytes)
  return buffer
}

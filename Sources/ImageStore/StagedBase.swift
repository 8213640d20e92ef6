public import Files
public import Model
internal import Runtime

/// A base in the making: a temporary file on the store's file system that nobody sees. It ends with `Store.publish` or `abandon`.
public final class StagedBase: Sendable {
  /// What it will be.
  public let identity: BaseIdentity
  /// The file to write; not closed by the writer.
  public let file: File
  let lock: BaseLock
  private let store: Store
  private let reservation: Reservation
  private let recorder = Locked<BlockRecorder?>(nil)

  init(identity: BaseIdentity, file: File, lock: BaseLock, store: Store, reservation: Reservation) {
    self.identity = identity
    self.file = file
    self.lock = lock
    self.store = store
    self.reservation = reservation
    store.reservations.with { $0[ObjectIdentifier(reservation)] = reservation }
  }

  deinit { discard() }

  /// Has the block hashes taken while the file is written: whoever writes calls what this answers with all bytes, each once, on the thread that
  /// writes them, with the offset in the file: a multiple of 64 KiB, and they end at one or are followed by zeros. Without it the whole file is
  /// read again when it is published. Call it before anything is written.
  public func recording() async throws -> @Sendable (UnsafeRawBufferPointer, Int64) throws -> Void {
    let temporary = store.temporary
    let made = try await store.pool.run { try BlockRecorder(in: temporary) }
    recorder.with { $0 = made }
    return { try made.note($0, at: $1) }
  }

  /// The name in `tmp` of hashes that were taken while the file was written, complete; nil when they were not.
  func recordedHashes() throws(SlipwayError) -> String? {
    guard let recorder = recorder.with({ $0 }) else { return nil }
    try recorder.finish(fileSize: file.size())
    return recorder.fileName
  }

  /// Tells other processes that what was written need not be kept free any more. Worth a call every few seconds of a transfer; blocks shortly.
  public func updateReservation() throws(SlipwayError) { try reservation.update() }

  /// Removes everything that was staged. Twice, or after `publish`, changes nothing.
  public func abandon() async {
    _ = try? await store.pool.runAlways { self.discard() }
  }

  /// As `abandon`, on an owned thread.
  func discard() {
    _ = store.reservations.with { $0.removeValue(forKey: ObjectIdentifier(reservation)) }
    reservation.release()
    recorder.with { $0 }?.discard()
    if let name = file.temporaryName { _ = try? store.temporary.remove(name) }
    try? file.close()
  }
}

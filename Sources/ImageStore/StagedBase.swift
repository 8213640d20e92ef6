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

  init(identity: BaseIdentity, file: File, lock: BaseLock, store: Store, reservation: Reservation) {
    self.identity = identity
    self.file = file
    self.lock = lock
    self.store = store
    self.reservation = reservation
    store.reservations.with { $0[ObjectIdentifier(reservation)] = reservation }
  }

  deinit { discard() }

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
    if let name = file.temporaryName { _ = try? store.temporary.remove(name) }
    try? file.close()
  }
}

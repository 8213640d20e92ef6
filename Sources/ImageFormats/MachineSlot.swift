internal import Model

/// A machine with the window that it is waiting for.
struct MachineSlot: Sendable {
  private(set) var machine: any FormatMachine
  /// Bytes of the window, as far as they have passed.
  var buffer: [UInt8] = []
  /// What the machine refused; it is handed nothing more.
  private(set) var refusal: SlipwayError?
  private var isDone = false

  init(_ machine: any FormatMachine) { self.machine = machine }

  /// The window that it is waiting for; nil when it waits for none.
  var window: Range<Int64>? { isDone ? nil : machine.window }

  /// The window has passed. What it asks for next must not have: no honest file has its parts in that order.
  mutating func deliver(at position: Int64, object: String) {
    hand()
    guard let next = window, next.lowerBound < position else { return }
    refuse(.damaged(object, machine.format.rawValue, "its parts do not lie one behind the other"))
  }

  /// The file ends: what there is of the window, and then what the end tells.
  mutating func finish(size: Int64, tail: [UInt8]) {
    if window != nil { hand() }
    // A window behind the end.
    if window != nil { hand() }
    guard refusal == nil else { return }
    do throws(SlipwayError) {
      try machine.finish(size: size, tail: tail)
    } catch {
      refuse(error)
    }
    stop()
  }

  /// Waits for nothing more.
  mutating func stop() {
    isDone = true
    buffer = []
  }

  private mutating func hand() {
    let bytes = buffer
    buffer = []
    do throws(SlipwayError) {
      try machine.take(bytes)
    } catch {
      refuse(error)
    }
  }

  private mutating func refuse(_ error: SlipwayError) {
    refusal = error
    stop()
  }
}

internal import Glibc
internal import Model
internal import Runtime

/// A file descriptor that several threads may use, and that is closed once, after the last use that was under way. A number that the kernel
/// has given to someone else is never used.
final class Descriptor: Sendable {
  private struct State {
    var number: Int32
    var users = 0
    var closing = false
  }
  private let state: Locked<State>
  let path: String

  init(_ number: Int32, path: String) {
    state = Locked(State(number: number))
    self.path = path
  }

  deinit {
    // The tripwire, not the way out: counted, so that a test can see who forgot to close.
    let open = state.with { $0.number }
    guard open >= 0 else { return }
    _ = Glibc.close(open)
    OpenFiles.forgotten.with { $0 += 1 }
  }

  /// Runs `body` with the number. Throws `internal` once closed.
  @discardableResult
  func with<Value>(_ body: (Int32) throws(SlipwayError) -> Value) throws(SlipwayError) -> Value {
    let number = state.with { state -> Int32 in
      if state.closing { return -1 }
      state.users += 1
      return state.number
    }
    guard number >= 0 else { throw SlipwayError(.internalError, "\(path) is used after it was closed", object: path) }
    defer { _ = finish() }
    return try body(number)
  }

  /// Closes now, or after the last use that is under way. Closing twice changes nothing. Throws what close(2) reports (a lost write, on some
  /// file systems) when it could be done at once.
  func close() throws(SlipwayError) {
    let number = state.with { state -> Int32 in
      guard !state.closing else { return -1 }
      state.closing = true
      return takeIfUnused(&state)
    }
    // Not retried after EINTR: Linux has closed it by then.
    if number >= 0, Glibc.close(number) != 0, errno != EINTR { throw Attempt(verb: "close", path: path).failure(errno) }
  }

  private func finish() -> Int32 {
    let number = state.with { state -> Int32 in
      state.users -= 1
      return state.closing ? takeIfUnused(&state) : -1
    }
    return number >= 0 ? Glibc.close(number) : 0
  }

  private func takeIfUnused(_ state: inout State) -> Int32 {
    guard state.users == 0 else { return -1 }
    defer { state.number = -1 }
    return state.number
  }
}

/// What tests ask about descriptors.
public enum OpenFiles {
  static let forgotten = Locked<Int>(0)

  /// How many files and directories were closed only because nobody held them any more.
  public static var forgottenCount: Int { forgotten.with { $0 } }
}

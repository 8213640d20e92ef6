internal import Runtime
internal import Wire

/// An operation as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): `progress` now and then, `end` last; the data is
/// the operation's document.
enum EventText {
  /// Not more often than this.
  static let pace = Duration.milliseconds(250)
  /// A comment where nothing else is told, so that a caller who went away is noticed.
  static let lifeSign = Duration.seconds(15)

  /// Sends the events' text until the operation has ended, or, without an `end`, until the daemon ends. Throws what `send` throws.
  static func write(_ operation: Operation, _ send: (String) async throws -> Void) async throws {
    while true {
      let document = operation.document
      let isFinal = document.state.isFinal
      try await send("event: \(isFinal ? "end" : "progress")\ndata: \(try WireCoding.text(document))\n\n")
      if isFinal { return }
      try await Task.sleep(for: pace)
      while operation.document == document {
        if operation.isDismissed { return }
        await operation.waitForChange(since: document, lifeSign)
        try Task.checkCancellation()
        if operation.document == document, !operation.isDismissed { try await send(": here\n\n") }
      }
    }
  }
}

internal import Foundation
internal import Glibc
internal import Model
internal import Wire

/// What goes out: answers on stdout, everything for people's eyes only on stderr.
enum Output {
  /// One line on stdout.
  static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

  /// One line on stderr.
  static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// One JSON document on stdout, and nothing else.
  static func document(_ document: some Encodable) throws { line(try WireCoding.text(document)) }

  /// An error: a document on stdout with `json`, a sentence on stderr else.
  static func report(_ error: SlipwayError, json: Bool) {
    if json, let text = try? WireCoding.text(ErrorDocument(error)) {
      line(text)
    } else {
      note("slipway: \(error.message)" + (error.hint.map { "\n  \($0)" } ?? ""))
    }
  }

  /// Whether stderr is a terminal.
  static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

  /// Ends the process at once: all is written, and what librados still runs must not see static objects die.
  static func exit(_ code: Int32) -> Never {
    fflush(nil)
    _exit(code)
  }

  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }  // nobody reads any more
      bytes = bytes.dropFirst(count)
    }
  }
}

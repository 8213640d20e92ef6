internal import Foundation
internal import Glibc
internal import Model
internal import Runtime
internal import Wire

/// What goes out: answers on stdout, everything for people's eyes only on stderr.
enum Output {
  /// One line, or several, on stdout.
  static func line(_ text: String) { write(printable(text) + "\n", to: STDOUT_FILENO) }

  /// One line, or several, on stderr.
  static func note(_ text: String) { write(printable(text) + "\n", to: STDERR_FILENO) }

  /// One JSON document on stdout, and nothing else.
  static func document(_ document: some Encodable) throws { write(try WireCoding.text(document) + "\n", to: STDOUT_FILENO) }

  /// `text` without what a terminal would obey: a tenant chooses an image's name, and it must not move the cursor of whoever reads it.
  private static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isCommand) else { return text }
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { scalars.append(isCommand(scalar) ? "\u{FFFD}" : scalar) }
    return String(scalars)
  }

  /// Control characters but for tab and line feed, and those that change the direction of writing.
  private static func isCommand(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 9, 10: false
    case 0..<32, 127..<160, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// An error: a document on stdout with `json`, a sentence on stderr else.
  static func report(_ error: SlipwayError, json: Bool) {
    if json, let text = try? WireCoding.text(ErrorDocument(error)) {
      write(text + "\n", to: STDOUT_FILENO)
    } else {
      note("slipway: \(error.message)" + (error.hint.map { "\n  \($0)" } ?? ""))
    }
  }

  /// Whether stderr is a terminal.
  static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

  /// Ends the process at once: all is written, and what librados still runs must not see static objects die. An answer that could not be
  /// written is a failure, except where its reader went away.
  static func exit(_ code: Int32) -> Never {
    let lost = lost.with { $0 }
    if let lost, lost != EPIPE, code == 0 {
      note(
        "slipway: the answer could not be written to stdout: \(String(cString: strerror(lost)))\n  what was asked for is done all the same")
      _exit(ErrorCode.ioError.exitCode)
    }
    fflush(nil)
    _exit(code)
  }

  /// Why something for stdout was lost, if it was.
  private static let lost = Locked<Int32?>(nil)

  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        let number = errno
        if number == EINTR { continue }
        if number == EAGAIN {
          // Whoever gave us the descriptor had set it not to block.
          var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          _ = poll(&wait, 1, -1)
          continue
        }
        if descriptor == STDOUT_FILENO { lost.with { $0 = number } }
        return
      }
      bytes = bytes.dropFirst(count)
    }
  }
}

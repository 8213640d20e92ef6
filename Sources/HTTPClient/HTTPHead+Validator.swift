internal import Foundation

extension HTTPHead {
  /// What tells one state of the bytes from every other: a strong entity tag, or `Last-Modified` where the answer is more than a minute younger
  /// than that, so that no change can hide in the same second (RFC 9110 sections 8.8.1 to 8.8.3). Nil where the server sends neither: a weak tag
  /// may stand for bytes that differ.
  public var validator: String? {
    if let tag = headers["ETag"], tag.utf8.count > 2, tag.hasPrefix("\""), tag.hasSuffix("\"") { return tag }
    guard let text = headers["Last-Modified"], let modified = HTTPHead.date(text), let now = headers["Date"].flatMap(HTTPHead.date),
      now.timeIntervalSince(modified) > 60
    else { return nil }
    return text
  }

  /// The size of the whole that a 206 answer tells (`Content-Range: bytes FIRST-LAST/TOTAL`); nil when absent, malformed or `*`.
  public var rangeTotal: Int64? {
    guard let text = headers["Content-Range"], let slash = text.lastIndex(of: "/") else { return nil }
    return Int64(text[text.index(after: slash)...]).flatMap { $0 >= 0 ? $0 : nil }
  }

  /// A date as servers must write it: `Sun, 06 Nov 1994 08:49:37 GMT`.
  private static func date(_ text: String) -> Date? {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return formatter.date(from: text)
  }
}

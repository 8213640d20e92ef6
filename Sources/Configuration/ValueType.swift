import Model

/// What may be written for a key.
public indirect enum ValueType: Sendable {
  /// Any text that is not empty.
  case string
  case bool
  /// A whole number in a range.
  case int(ClosedRange<Int64>)
  /// A number of bytes of at least so many, with `K M G T` (binary).
  case size(atLeast: Int64)
  /// Bytes a second; 0 is no limit.
  case rate
  /// A number of bytes, or a part of the file system in percent, `1%` to `99%`.
  case sizeOrPercent
  /// A whole number with `s`, `m`, `h` or `d`, in a range of seconds; 0 needs no unit.
  case duration(ClosedRange<Int64>)
  /// One of these words.
  case choice([String])
  /// An absolute path without `..`.
  case path
  /// An `http://` or `https://` URL.
  case url
  /// A cluster's id, a UUID.
  case fsid
  /// A cephx id without `client.`.
  case cephUser
  /// A short name: letters, digits, `.`, `_` and `-`.
  case name
  /// A list of values of one type.
  case list(ValueType)
  /// A list of mappings with these keys.
  case mappings([Key])
  /// A mapping from names of the user's choice to mappings with these keys.
  case table([Key])

  /// Whether one environment variable can hold it.
  var fitsEnvironment: Bool {
    switch self {
    case .mappings, .table: false
    default: true
    }
  }

  /// For the documentation.
  public var title: String {
    switch self {
    case .string: "text"
    case .bool: "true or false"
    case .int(let range): "number, \(range.lowerBound) to \(range.upperBound)"
    case .size: "size"
    case .rate: "size a second, 0 for no limit"
    case .sizeOrPercent: "size or percent"
    case .duration: "duration"
    case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .path: "absolute path"
    case .url: "URL"
    case .fsid: "cluster id (UUID)"
    case .cephUser: "cephx id without `client.`"
    case .name: "name"
    case .list(let element): "list of: \(element.title)"
    case .mappings: "list of mappings"
    case .table: "names with mappings"
    }
  }
}

/// A URL without its credentials and query.
func redactedURL(_ url: String) -> String { Location.redacted(url) }

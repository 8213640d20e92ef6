internal import Model

/// Who may do what: by the socket that a request came through.
public enum Role: Sendable {
  /// Everything.
  case full
  /// Only what changes nothing.
  case reader
}

/// A request, free of any server.
public struct APIRequest: Sendable {
  /// `GET`, `POST`, …
  public var method: String
  /// The path as it was sent, percent-encoded, with the query.
  public var target: String
  /// Header fields, names in lower case.
  public var headers: [String: String]
  /// The body.
  public var body: [UInt8]
  /// What its socket allows.
  public var role: Role

  /// A request.
  public init(_ method: String, _ target: String, headers: [String: String] = [:], body: [UInt8] = [], role: Role = .full) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    self.role = role
  }

  /// The parts of the path, decoded, one by one: a slash that was encoded stays within its part. Nil for what is no path of ours: bad encoding, a part
  /// that is empty, `.` or `..`, or holds a slash or a control character.
  var parts: [String]? {
    let path = target.prefix { $0 != "?" && $0 != "#" }
    guard path.hasPrefix("/") else { return nil }
    if path == "/" { return [] }
    var parts: [String] = []
    for raw in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      guard let part = Self.decoded(raw), !part.isEmpty, part != ".", part != "..", !part.contains("/"),
        !part.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 })
      else { return nil }
      parts.append(part)
    }
    return parts
  }

  /// The query. Throws `usage` for a key outside `allowed`, one that comes twice, and bad encoding.
  func query(_ allowed: [String]) throws(SlipwayError) -> [String: String] {
    guard let mark = target.firstIndex(of: "?") else { return [:] }
    var found: [String: String] = [:]
    for pair in target[target.index(after: mark)...].split(separator: "&") {
      let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let key = Self.decoded(halves[0]), let value = Self.decoded(halves.count > 1 ? halves[1] : "") else {
        throw SlipwayError(.usage, "the query cannot be decoded", hint: "send it percent-encoded, in UTF-8")
      }
      guard allowed.contains(key) else {
        throw SlipwayError(
          .usage, "there is no parameter '\(key.prefix(100))' here", object: String(key.prefix(100)),
          hint: allowed.isEmpty ? "leave the query out" : "the parameters are: \(allowed.joined(separator: ", "))")
      }
      guard found.updateValue(value, forKey: key) == nil else {
        throw SlipwayError(.usage, "the parameter '\(key)' comes twice", object: key, hint: "give it once")
      }
    }
    return found
  }

  private static func decoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    func digit(_ byte: UInt8) -> UInt8? { Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) } }
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

/// An answer, free of any server.
public struct APIResponse: Sendable {
  /// What comes after the head.
  public enum Body: Sendable {
    case bytes([UInt8])
    /// Server-sent events of an operation, until it ends.
    case events(Operation)
  }
  /// The HTTP status.
  public var status: Int
  /// The media type of the body.
  public var type: String
  /// Further header fields.
  public var headers: [(name: String, value: String)] = []
  /// The body.
  public var body: Body
  /// The endpoint that answered, for metrics.
  var endpoint = "none"

  init(_ status: Int, type: String = "application/json", _ bytes: [UInt8]) {
    self.status = status
    self.type = type
    body = .bytes(bytes)
  }

  init(events operation: Operation) {
    status = 200
    type = "text/event-stream"
    body = .events(operation)
  }
}

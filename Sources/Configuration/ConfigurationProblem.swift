import Model

/// One thing that is wrong with a configuration, and where.
public struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
  /// The file, or the environment variable.
  public let place: String
  /// The line in the file, from 1; nil where there is none.
  public let line: Int?
  /// The key's path, nil when the file as a whole is wrong.
  public let key: String?
  /// What is wrong, without the place.
  public let message: String
  /// What to do.
  public let hint: String?

  /// `file:line: message`.
  public var description: String {
    let at = line.map { "\(place):\($0)" } ?? place
    return "\(at): \(message)"
  }

  /// The description with what to do, for whoever shows no hints.
  public var sentence: String { hint.map { "\(description); \($0)" } ?? description }

  /// As the error to throw; `more` is how many others there are.
  func error(more: Int) -> SlipwayError {
    let tail = more > 0 ? " (and \(more) more, see 'slipway config check')" : ""
    return SlipwayError(.configuration, description + tail, object: key ?? place, hint: hint)
  }
}

/// A problem before it is known where the text came from.
struct Issue: Error {
  var line: Int?
  var key: String?
  var message: String
  var hint: String?

  func problem(in place: String) -> ConfigurationProblem {
    ConfigurationProblem(place: place, line: line, key: key, message: message, hint: hint)
  }
}

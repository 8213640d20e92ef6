internal import Logging

/// How much a log line matters.
public enum LogLevel: Sendable {
  case debug, info, notice, warning, error
}

extension RequestContext {
  /// Writes one line with the request's id and `metadata`. Never give it a key, a token or a password. Rooms log through this alone.
  public func log(_ level: LogLevel, _ message: String, _ metadata: [String: String] = [:]) {
    let level: Logger.Level =
      switch level {
      case .debug: .debug
      case .info: .info
      case .notice: .notice
      case .warning: .warning
      case .error: .error
      }
    logger.log(level: level, "\(message)", metadata: metadata.mapValues { .string($0) })
  }
}

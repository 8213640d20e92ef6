internal import Configuration
internal import Foundation
internal import Logging
internal import Runtime

/// Log lines, on stderr: for people on a terminal, JSON where the configuration says so.
enum Log {
  static func logger(_ settings: Configuration.Log, _ options: CommonOptions, _ bar: ProgressBar?) -> Logger {
    let level: Logger.Level
    if options.verbose {
      level = .debug
    } else if options.quiet {
      level = .error
    } else {
      // A person who runs a verb is told what went wrong; the daemon's level is the configuration's.
      level = max(Logger.Level(rawValue: settings.level) ?? .info, .warning)
    }
    return logger(level, asJSON: settings.format == .json, bar)
  }

  /// The daemon's lines: at the configuration's level, and JSON where nobody reads them on a terminal.
  static func daemon(_ settings: Configuration.Log, _ options: CommonOptions) -> Logger {
    let level = options.verbose ? Logger.Level.debug : Logger.Level(rawValue: settings.level) ?? .info
    let asJSON =
      switch settings.format {
      case .json: true
      case .text: false
      case .auto: !Output.isInteractive
      }
    return logger(level, asJSON: asJSON, nil)
  }

  private static func logger(_ level: Logger.Level, asJSON: Bool, _ bar: ProgressBar?) -> Logger {
    var logger = Logger(label: "slipway") { _ in LineHandler(asJSON: asJSON, bar: bar) }
    logger.logLevel = level
    return logger
  }
}

/// Writes one line for each event.
struct LineHandler: LogHandler {
  let asJSON: Bool
  let bar: ProgressBar?
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info

  init(asJSON: Bool, bar: ProgressBar?) {
    self.asJSON = asJSON
    self.bar = bar
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata.merging(event.metadata ?? [:]) { $1 }
    bar?.clear()
    if asJSON {
      all["level"] = "\(event.level)"
      all["message"] = "\(event.message)"
      all["time"] = "\(Date().formatted(.iso8601))"
      let plain = all.mapValues { "\($0)" }
      if let data = try? JSONEncoder().encode(plain) { Output.note(String(decoding: data, as: UTF8.self)) }
    } else {
      all["request"] = nil
      let rest = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
      Output.note("\(event.level): \(event.message)\(rest)")
    }
  }
}

public import Configuration
internal import Crypto
internal import Foundation
internal import Model

/// A mark of what decides about answers: two programs with the same one answer the same.
public enum ConfigurationMark {
  /// The mark: a digest of all settings but those of logging, of the daemon's doors, and of what only a daemon does by itself.
  public static func of(_ loaded: LoadedConfiguration) -> String {
    let skipped = ["log.", "api.", "limits."]
    let lines = loaded.settings.filter { setting in !skipped.contains { setting.key.path.hasPrefix($0) } }
      .map { "\($0.key.path)=\($0.value)" }.sorted()
    return (try? Digest.of(Array(lines.joined(separator: "\n").utf8), .sha256).hex) ?? ""
  }
}

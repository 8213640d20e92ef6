import Foundation
import Glibc
import Model

/// What loading needs of the machine, so that tests can stand in for it.
public struct ConfigurationSystem: Sendable {
  /// The environment.
  public var environment: [String: String]
  /// The user's home, absolute.
  public var home: String
  /// The bytes of a small file; nil when there is none. Throws what went wrong, in one sentence.
  public var read: @Sendable (String) throws -> [UInt8]?
  /// Whether this user can read the file.
  public var isReadable: @Sendable (String) -> Bool

  /// A system.
  public init(
    environment: [String: String], home: String, read: @escaping @Sendable (String) throws -> [UInt8]?,
    isReadable: @escaping @Sendable (String) -> Bool
  ) {
    self.environment = environment
    self.home = home
    self.read = read
    self.isReadable = isReadable
  }

  /// This process, as it is.
  public static var live: ConfigurationSystem {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
    return ConfigurationSystem(
      environment: environment, home: home, read: { try readFile($0) }, isReadable: { access($0, R_OK) == 0 })
  }

  /// More than any configuration needs; a path that names a device or a disk image ends here and not in memory.
  private static let largest = 1 << 20

  private static func readFile(_ path: String) throws -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw failure(path, errno)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= largest {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(path, errno)
      }
      bytes += chunk[..<count]
    }
    throw SlipwayError(.configuration, "'\(path)' is larger than 1 MiB", object: path, hint: "give a YAML file with --config")
  }

  private static func failure(_ path: String, _ code: Int32) -> SlipwayError {
    let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
    let hint = code == EISDIR ? "name the YAML file in it" : "check its owner and mode"
    return SlipwayError(.configuration, "'\(path)' cannot be read: \(reason)", object: path, hint: hint)
  }
}

import Files
import Foundation
import Model

/// A directory of its own for a test, removed with everything in it at the end.
final class Scratch {
  let directory: Directory
  var path: String { directory.path }

  init() throws {
    var template = Array("\(NSTemporaryDirectory())/slipway-files-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(errno) }
    let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    directory = try Directory.open(path)
  }

  deinit {
    try? directory.close()
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Runs `body` and returns the error of ours that it throws, nil for none.
  static func failure(_ body: () throws -> Void) -> SlipwayError? {
    do {
      try body()
      return nil
    } catch { return SlipwayError.wrap(error) }
  }
}

extension File {
  /// The bytes of a range.
  func bytes(_ range: Range<Int64>) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: range.count)
    try bytes.withUnsafeMutableBytes { try readExactly(into: $0, at: range.lowerBound) }
    return bytes
  }
}

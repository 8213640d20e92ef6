import Foundation
import ImageFormats
import Model
import Runtime
import Testing

/// An image, whole, or cut, or with other bytes in it.
struct Variant: Encodable {
  var file: String
  /// How many bytes are left of it; nil for all.
  var cut: Int?
  /// Pairs of an offset and the byte there.
  var bytes: [[Int]] = []

  private static let files = Locked<(path: String, bytes: [UInt8])>(("", []))

  init(file: String, cut: Int? = nil) {
    self.file = file
    self.cut = cut
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(file, forKey: .file)
    // Null is a word, too.
    try container.encode(cut, forKey: .cut)
    try container.encode(bytes, forKey: .bytes)
  }

  private enum CodingKeys: String, CodingKey { case file, cut, bytes }

  /// What our inspector says of it.
  func judged(claimed: DiskFormat?) throws -> Result<Inspection, SlipwayError> {
    var data = try Self.files.with { last in
      if last.path != file { last = (file, [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))) }
      return Array(last.bytes.prefix(cut ?? last.bytes.count))
    }
    for pair in bytes where pair[0] < data.count { data[pair[0]] = UInt8(pair[1]) }
    var inspector = FormatInspector(claimed: claimed, object: "image")
    do {
      try data.withUnsafeBytes { all in
        for offset in stride(from: 0, to: all.count, by: 65536) {
          try inspector.update(UnsafeRawBufferPointer(rebasing: all[offset..<min(offset + 65536, all.count)]))
        }
      }
      return .success(try inspector.finish())
    } catch let error as SlipwayError {
      return .failure(error)
    }
  }
}

extension Result where Success == Inspection {
  /// The format where it passed.
  var found: DiskFormat? { try? get().format }
}

/// oslo.utils' own inspectors, in the stack's Python environment.
enum Oslo {
  struct Answer: Decodable, CustomStringConvertible {
    let format: String?
    let safe: Bool
    let why: String

    /// The format where it passed.
    var accepted: DiskFormat? { safe ? format.flatMap(DiskFormat.init(rawValue:)) : nil }
    var description: String { "\(format ?? "nothing") \(safe ? "passes" : "refused") \(why)" }
  }

  private static let workers = WorkerPool(name: "oslo", threads: 1)

  static func ask(_ variants: [Variant]) async throws -> [Answer] {
    let scratch = try Scratch()
    let question = scratch.file("question.json")
    try JSONEncoder().encode(variants).write(to: URL(fileURLWithPath: question))
    let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../Scripts").standardized.path
    let output = try await workers.run {
      let words = ["-e", "-c", "exec '\(scripts)/stack' python '\(scripts)/stack.d/formats.py' < '\(question)'"]
      return try Command.run("sh", words).requireSuccess().output
    }
    let answers = try JSONDecoder().decode([Answer].self, from: Data(output.utf8))
    try #require(answers.count == variants.count)
    return answers
  }
}

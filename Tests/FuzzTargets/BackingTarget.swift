import ImageFormats
import Model

/// The scan of disks for what they stand on. The bytes are the beginning of a file.
enum BackingTarget {
  private enum Answer: Equatable {
    case nothing
    case names(BackingReference)
    case refused
  }

  static func check(_ bytes: [UInt8]) -> String? {
    let whole = read(bytes)
    if case .names(let reference) = whole, reference.pathBytes.isEmpty || reference.pathBytes.count > 1023 {
      return "a name of \(reference.pathBytes.count) bytes"
    }
    // Too little is an error, and never another answer: a base would lose its protection.
    for count in [20, 72, 104, 112, 512, 4096] where count < bytes.count {
      let part = read(Array(bytes.prefix(count)))
      if part != .refused, part != whole { return "with \(count) bytes \(part), with all \(whole)" }
    }
    let salvaged = BackingReference.salvage(bytes)
    if let salvaged, case .names(let reference) = whole, reference.pathBytes != salvaged.pathBytes {
      return "salvaged \(salvaged.path), and it names \(reference.path)"
    }
    return nil
  }

  private static func read(_ bytes: [UInt8]) -> Answer {
    do throws(SlipwayError) {
      return try BackingReference.read(bytes, object: "it").map { .names($0) } ?? .nothing
    } catch {
      return .refused
    }
  }
}

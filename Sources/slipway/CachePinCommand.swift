internal import Agent
internal import ArgumentParser
internal import Foundation
internal import ImageStore
internal import Wire

struct CachePin: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pin", abstract: "Keep the bases of an image, for good or for so long; a pin replaces an earlier one.",
    usage: "slipway cache pin <image> [<options>]")

  @Argument(help: "Image id, the name or location it had, or a base's file name.") var image: String
  @Option(name: .long, help: "Why, for whoever finds it pinned.") var note: String?
  @Option(name: .long, help: ArgumentHelp("How long it holds (12h, 7d; default: until 'cache unpin').", valueName: "duration"))
  var expires: DurationArgument?
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (image, note, expires, json, quiet) = (image, note, expires, options.json, options.quiet)
    try await Session.run(options) { session in
      let (here, pooled) = try await session.agent.pin(image, note: note, for: expires?.duration, context: session.context)
      let bases = here.map { PinDocument.Base($0) } + pooled.map { PinDocument.Base($0) }
      if json { return try Output.document(PinDocument(image: image, outcome: "pinned", bases: bases)) }
      if !quiet { for base in bases { Output.note("\(base.name) is pinned" + (base.pin.map(PinText.until) ?? "")) } }
    }
  }
}

struct CacheUnpin: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpin", abstract: "Let cleaning have the bases of an image again.",
    usage: "slipway cache unpin <image> [<options>]")

  @Argument(help: "Image id, the name or location it had, or a base's file name.") var image: String
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (image, json, quiet) = (image, options.json, options.quiet)
    try await Session.run(options) { session in
      let (here, pooled, found) = try await session.agent.unpin(image, context: session.context)
      let bases = here.map { PinDocument.Base($0) } + pooled.map { PinDocument.Base($0) }
      if json {
        return try Output.document(PinDocument(image: image, outcome: found ? "unpinned" : "absent", bases: bases))
      }
      if !quiet { Output.note(found ? "\(image) is not pinned any more" : "\(image) was not pinned") }
    }
  }
}

/// A pin in words.
enum PinText {
  static func time(_ seconds: Int64) -> String { Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601) }

  static func until(_ pin: PinDocument.Pin) -> String {
    (pin.expires.map { " until \($0)" } ?? "") + (pin.note.map { ": \($0)" } ?? "")
  }
}

extension PinDocument.Pin {
  init(_ pin: Pin) { self.init(note: pin.note, created: PinText.time(pin.created), expires: pin.expires.map(PinText.time)) }
}

extension PinDocument.Base {
  init(_ base: BaseSummary) { self.init(name: base.name.text, path: base.path, pin: base.pin.map { PinDocument.Pin($0) }) }
}

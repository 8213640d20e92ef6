internal import Agent
internal import ArgumentParser
internal import Foundation
internal import ImageStore
internal import Model
internal import Wire

struct CacheCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Look into the store of bases.", subcommands: [CacheList.self, CacheShow.self])
}

struct CacheList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the bases in the store.")

  @OptionGroup var options: CommonOptions

  func run() async throws {
    let json = options.json
    try await Session.run(options) { session in
      let entries = try await session.agent.bases(context: session.context)
      let document = CacheDocument(
        store: session.agent.storePath, bases: entries.compactMap { BaseDocument($0) },
        unknown: entries.filter { $0.state.record == nil }.map(\.name))
      if json { return try Output.document(document) }
      Output.line(
        Table.text(
          ["NAME", "FORMAT", "VIRTUAL", "ALLOCATED", "ROUTE", "HITS", "LAST USED", "IMAGE"],
          document.bases.map {
            [
              $0.name, $0.format, ByteCount($0.virtualSize).description, ByteCount($0.allocated).description, $0.route, String($0.hits),
              $0.lastUsed ?? "-", $0.images.first ?? $0.source ?? "-",
            ]
          }))
      for name in document.unknown { Output.note("not a usable base of ours: \(name)") }
    }
  }
}

struct CacheShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show all that is known of an image's bases.")

  @Argument(help: "Image id, the name it had, or the base's file name.") var image: String
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (image, json) = (image, options.json)
    try await Session.run(options) { session in
      let entries = try await session.agent.bases(of: image, context: session.context)
      let document = CacheDocument(
        store: session.agent.storePath, bases: entries.compactMap { BaseDocument($0) },
        unknown: entries.filter { $0.state.record == nil }.map(\.name))
      if json { return try Output.document(document) }
      for base in document.bases {
        let evidence = base.evidence
        let rows = [
          ("path", base.path), ("images", base.images.joined(separator: ", ")), ("format", base.format), ("was", base.sourceFormat),
          ("virtual", ByteCount(base.virtualSize).description), ("allocated", ByteCount(base.allocated).description), ("route", base.route),
          ("source", base.source ?? "-"), ("digest", evidence.verdict.rawValue), ("computed", evidence.computed?.description ?? "-"),
          ("expected", evidence.expected.map { "\($0) (\(evidence.expectedFrom ?? "?"))" } ?? "-"), ("verified", evidence.verifiedAt),
          ("created", base.created), ("last used", base.lastUsed ?? "-"), ("hits", String(base.hits)),
        ]
        for (key, value) in rows { Output.line("\(key.padding(to: 10)) \(value)") }
        Output.line("")
      }
    }
  }
}

extension BaseDocument {
  /// A base's document, nil for a name that is no usable base.
  init?(_ entry: StoreEntry) {
    guard let record = entry.state.record else { return nil }
    func time(_ seconds: Int64) -> String { Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601) }
    self.init(
      name: entry.name, path: entry.path, images: record.images.map(\.text), format: record.identity.format.rawValue,
      sourceFormat: record.identity.sourceFormat, virtualSize: record.virtualSize.bytes, allocated: entry.allocated.bytes,
      route: record.route,
      source: record.source, evidence: record.evidence, created: time(record.created), lastUsed: entry.usage.map { time($0.lastUse) },
      hits: Int64(entry.usage?.hits ?? 0))
  }
}

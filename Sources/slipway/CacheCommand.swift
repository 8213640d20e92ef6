internal import Agent
internal import ArgumentParser
internal import Cleaner
internal import Foundation
internal import ImageStore
internal import Model
internal import Wire

struct CacheCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Look into the store of bases, and choose what stays in it.",
    subcommands: [
      CacheList.self, CacheShow.self,
      CachePin.self, CacheUnpin.self, CacheVerify.self, CacheAudit.self, CacheClean.self, CachePurge.self,
    ])
}

struct CacheList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the bases in the store, and those in the pool.", usage: "slipway cache list [<options>]")

  @Option(name: .long, help: "By what the list is sorted.") var sort: BaseSort = .name
  @Flag(name: .long, help: "The other way round.") var reverse = false
  @Option(name: .long, help: "Only bases of this format.") var format: BaseFormat?
  @Option(name: .long, help: "Only bases that came by this route.") var route: Route?
  @Option(name: .long, help: ArgumentHelp("Only bases that nothing used for this long (7d).", valueName: "duration"))
  var unusedFor: DurationArgument?
  @Flag(name: .long, help: "Only pinned bases.") var pinned = false
  @Flag(name: .long, help: "Only bases from which no disk may grow.") var damaged = false
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let command = self
    let filter = BaseFilter(
      format: format, pinned: pinned ? true : nil, damaged: damaged ? true : nil, route: route, idle: unusedFor?.duration.components.seconds
    )
    try await Session.run(options) { session in
      let found = try await session.agent.bases(
        sortedBy: command.sort, descending: command.reverse, where: filter, context: session.context)
      let entries = try await session.agent.bases(context: session.context)
      let byName = Dictionary(entries.map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
      let documents = found.compactMap { base in byName[base.name.text].flatMap { BaseDocument($0, pin: base.pin) } }
      // Names that are not ours have nothing that a filter could ask for.
      let names = filter == BaseFilter() ? entries.map(\.name) : found.map(\.name.text)
      let foreign = found.compactMap { ForeignBaseDocument($0) }
      let theirs = Set(foreign.map(\.name))
      let pooled = try await session.agent.poolBases(context: session.context)
      let document = CacheDocument(
        store: session.agent.storePath, bases: documents, foreign: foreign,
        unknown: names.filter { byName[$0]?.state.record == nil && !theirs.contains($0) }, pool: PoolBasesDocument(pooled))
      if command.options.json { return try Output.document(document) }
      Output.line(
        Table.text(
          ["IMAGE", "FORMAT", "VIRTUAL", "ALLOCATED", "HITS", "LAST USED", "PIN"],
          document.bases.map {
            [
              $0.images.first ?? $0.source ?? $0.name, $0.format, ByteCount($0.virtualSize).description,
              ByteCount($0.allocated).description, String($0.hits), $0.lastUsed ?? "-",
              $0.pin == nil ? "-" : $0.pin?.expires ?? "pinned",
            ]
          }
            + foreign.map {
              [
                $0.name, "-", "-", ByteCount($0.allocated).description, "-", "-", $0.touched,
                $0.pin == nil ? "-" : $0.pin?.expires ?? "pinned", "(nova-compute's)",
              ]
            }))
      if let pool = document.pool, !pool.bases.isEmpty {
        Output.line("")
        Output.line(Table.text(PoolText.columns, pool.bases.map(PoolText.row)))
      }
      if let problem = pooled.unavailable { Output.note("the pool for bases could not be looked into: \(problem.message)") }
      let damage = Dictionary(found.map { ($0.name.text, $0.damage) }, uniquingKeysWith: { one, _ in one })
      for name in document.unknown { Output.note("not a usable base of ours: \(name)" + ((damage[name] ?? nil).map { " (\($0))" } ?? "")) }
    }
  }
}

struct CacheShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show all that is known of an image's bases.", usage: "slipway cache show <image> [<options>]")

  @Argument(help: "Image id, the name or location it had, or a base's file name.") var image: String
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (image, json) = (image, options.json)
    try await Session.run(options) { session in
      let document = try await CacheDocuments.shown(image, session.agent, session.context)
      let foreign = document.foreign
      if json { return try Output.document(document) }
      for base in document.bases {
        let evidence = base.evidence
        let note = base.pin?.note.map { ": \($0)" } ?? ""
        let pin = base.pin == nil ? "-" : (base.pin?.expires ?? "until unpinned") + note
        let detail = base.clean?.detail.map { ", \($0)" } ?? ""
        let cleaning = base.clean.map { "\($0.goes ? "would remove it" : "keeps it"): \($0.why)\(detail)" } ?? "-"
        let rows = [
          ("path", base.path), ("images", base.images.joined(separator: ", ")), ("format", base.format), ("was", evidence.formatWords),
          ("virtual", ByteCount(base.virtualSize).description), ("allocated", ByteCount(base.allocated).description), ("route", base.route),
          ("source", base.source ?? "-"),
        ]
        let rest = [
          ("created", base.created), ("last used", base.lastUsed ?? "-"), ("hits", String(base.hits)),
          ("pinned", pin), ("cleaning", cleaning), ("made by", base.madeBy),
        ]
        for (key, value) in rows + evidence.rows + rest + Self.users(base.clean) { Output.line("\(key.padding(to: 10)) \(value)") }
        Output.line("")
      }
      for base in document.pool?.bases ?? [] { PoolText.show(base) }
      for base in foreign {
        let detail = base.clean?.detail.map { ", \($0)" } ?? ""
        let cleaning = base.clean.map { "\($0.goes ? "would remove it" : "keeps it"): \($0.why)\(detail)" } ?? "-"
        let rows = [
          ("path", base.path), ("allocated", ByteCount(base.allocated).description), ("touched", base.touched),
          ("pinned", base.pin == nil ? "-" : base.pin?.expires ?? "until unpinned"), ("cleaning", cleaning),
          ("made by", "nova-compute; nothing is verified of it yet"),
        ]
        for (key, value) in rows + Self.users(base.clean) { Output.line("\(key.padding(to: 10)) \(value)") }
        Output.line("")
      }
    }
  }

  /// A row for each disk that holds the base.
  private static func users(_ state: BaseDocument.CleanState?) -> [(String, String)] {
    (state?.usedBy ?? []).map { user in
      ("used by", user.domains.isEmpty ? user.disk : "\(user.disk), domain \(user.domains.joined(separator: ", "))")
    }
  }
}

extension ForeignBaseDocument {
  /// Nil for a base of which we keep a record.
  init?(_ base: BaseSummary, clean: BaseDocument.CleanState? = nil) {
    guard base.isForeign, base.details == nil else { return nil }
    self.init(
      name: base.name.text, path: base.path, size: base.fileSize.bytes, allocated: base.allocated.bytes,
      touched: Date(timeIntervalSince1970: TimeInterval(base.created)).formatted(.iso8601), pin: base.pin.map { PinDocument.Pin($0) },
      clean: clean)
  }
}

extension BaseDocument {
  /// A base's document, nil for a name that is no usable base.
  init?(_ entry: StoreEntry, pin: Pin? = nil, clean: CleanState? = nil) {
    guard let record = entry.state.record else { return nil }
    func time(_ seconds: Int64) -> String { Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601) }
    self.init(
      name: entry.name, path: entry.path, images: record.images.map(\.text), format: record.identity.format.rawValue,
      sourceFormat: record.identity.sourceFormat, virtualSize: record.virtualSize.bytes, allocated: entry.allocated.bytes,
      route: record.route,
      source: record.source, evidence: record.evidence, created: time(record.created), lastUsed: entry.usage.map { time($0.lastUse) },
      hits: Int64(entry.usage?.hits ?? 0), madeBy: record.adopted == true ? "nova-compute" : "slipway",
      pin: pin.map { PinDocument.Pin($0) }, clean: clean)
  }
}

extension BaseDocument.CleanState {
  init(_ outlook: CleanOutlook) {
    self.init(outlook.verdict, usedBy: outlook.users.map { BaseDocument.User(disk: $0.disk, domains: $0.domains) })
  }

  init(_ verdict: CleanVerdict, usedBy users: [BaseDocument.User]) {
    switch verdict {
    case .goes(let rule, let detail): self.init(goes: true, why: rule.rawValue, detail: detail, usedBy: users)
    case .stays(let reason, let detail): self.init(goes: false, why: reason.rawValue, detail: detail, usedBy: users)
    }
  }
}

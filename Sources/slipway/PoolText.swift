internal import Runtime
internal import Agent
internal import Cleaner
internal import Foundation
internal import Model
internal import PoolStore
internal import Wire

/// Bases in a pool, in words.
enum PoolText {
  static let columns = ["POOL BASE OF", "WAS", "VIRTUAL", "WRITTEN", "HITS", "LAST USED", "PIN"]

  static func row(_ base: PoolBaseDocument) -> [String] {
    [
      base.images.first ?? base.source ?? base.name, base.sourceFormat, ByteCount(base.virtualSize).description,
      ByteCount(base.allocated).description, String(base.hits), base.lastUsed, base.pin == nil ? "-" : base.pin?.expires ?? "pinned",
    ]
  }

  static func show(_ base: PoolBaseDocument) {
    let evidence = base.evidence
    var rows: [(String, String)] = [
      ("path", base.path), ("tier", base.tier), ("images", base.images.joined(separator: ", ")), ("was", base.sourceFormat),
      ("virtual", ByteCount(base.virtualSize).description), ("written", ByteCount(base.allocated).description), ("route", base.route),
      ("source", base.source ?? "-"), ("digest", evidence.digest), ("computed", evidence.computed ?? "-"),
    ]
    let expected: String? = evidence.expected.map { "\($0) (\(evidence.expectedFrom ?? "?"))" }
    let signatures: String = evidence.signatures.map(\.words).joined(separator: "; ")
    rows += [("expected", expected ?? "-"), ("verified", evidence.verifiedAt), ("signed by", signatures.isEmpty ? "-" : signatures)]
    rows += [("created", base.created), ("made on", base.madeOn), ("last used", base.lastUsed), ("hits", String(base.hits))]
    rows.append(("pinned", base.pin == nil ? "-" : base.pin?.expires ?? "until unpinned"))
    rows.append(("disks", (base.disks ?? []).joined(separator: ", ")))
    if let clean = base.clean {
      let detail: String = clean.detail.map { ", \($0)" } ?? ""
      rows.append(("cleaning", "\(clean.goes ? "would remove it" : "keeps it"): \(clean.why)\(detail)"))
    }
    for (key, value) in rows { Output.line("\(key.padding(to: 10)) \(value)") }
    Output.line("")
  }

  /// What a cleaning did with the pool.
  static func clean(_ report: PoolCleanReport, dryRun: Bool) {
    for gone in report.evicted {
      let what = dryRun ? "would go" : gone.isFree ? "removed" : "trashed"
      let used = gone.isFree ? "" : ", used \(gone.detail ?? "")"
      Output.line("\(what.padding(to: 8))  \(gone.base.path)  \(gone.base.allocated)  \(gone.rule.rawValue)\(used)")
    }
    for kept in report.kept where kept.reason != .notNeeded {
      let why = kept.reason.rawValue + (kept.detail.map { ": \($0)" } ?? "")
      Output.line("\("kept".padding(to: 8))  \(kept.base.path)  \(kept.base.allocated)  \(why)")
    }
    for failed in report.failed { Output.report(failed.error, json: false) }
    for pool in report.pools where pool.pending.bytes > 0 {
      Output.note("\(pool.pending) in pool \(pool.name) come free with the disks on bases that went")
    }
    for deletion in report.deletions {
      let what = "\(deletion.pool)/\(deletion.name) (image id \(deletion.imageID))"
      let how =
        deletion.isRemoved ? "removed, as was asked for" : deletion.detail.map { "is still to be removed: \($0)" } ?? "is to be removed"
      Output.note("\(what) \(how)")
    }
    for upload in report.uploads {
      let how =
        upload.isDone ? "finished" : upload.detail.map { "is still to be finished (\(upload.stage)): \($0)" } ?? "is to be finished"
      Output.note("the upload of image \(upload.image) of \(upload.source) \(how)")
    }
    if let problem = report.unavailable { Output.note("the pool for bases was not cleaned: \(problem.message)") }
  }
}

extension PoolBasesDocument {
  /// Nil where there is no pool.
  init?(_ found: PoolBases, disks: [String: [String]]? = nil, clean: [String: CleanVerdict] = [:]) {
    guard let pool = found.pool else { return nil }
    self.init(
      pool: pool,
      bases: found.bases.map { base in
        PoolBaseDocument(
          base, tier: found.tiers[base.location.pool] ?? "", disks: disks.map { $0[base.path] ?? [] }, clean: clean[base.path])
      },
      unavailable: found.unavailable)
  }
}

extension PoolBaseDocument {
  init(_ base: PoolBase, tier: String, disks: [String]?, clean: CleanVerdict?) {
    let record = base.record
    let held = base.usage.pin.flatMap { pin in pin.expires.map { $0 > Int64(Date().timeIntervalSince1970) } ?? true ? pin : nil }
    self.init(
      name: record.name.image, path: base.path, tier: tier, images: ([record.image].compactMap { $0 } + base.usage.images).map(\.text),
      sourceFormat: record.sourceFormat, virtualSize: record.virtualSize.bytes, allocated: base.allocated.bytes, route: record.route,
      source: record.source, evidence: record.evidence, created: PinText.time(record.created), madeOn: record.maker.host,
      lastUsed: PinText.time(max(base.usage.lastUse, record.created)), hits: base.usage.hits, pin: held.map { PinDocument.Pin($0) },
      disks: disks,
      clean: clean.map { .init($0, usedBy: (disks ?? []).map { BaseDocument.User(disk: $0, domains: []) }) })
  }
}

extension PinDocument.Pin {
  init(_ pin: PoolBaseUsage.Pin) { self.init(note: pin.note, created: PinText.time(pin.created), expires: pin.expires.map(PinText.time)) }
}

extension PinDocument.Base {
  init(_ base: PoolBase) { self.init(name: base.name.image, path: base.path, pin: base.usage.pin.map { PinDocument.Pin($0) }) }
}

extension PoolCleanDocument {
  init(_ report: PoolCleanReport) {
    func images(_ base: PoolBase) -> [String] { ([base.record.image].compactMap { $0 } + base.usage.images).map(\.text) }
    self.init(
      pool: report.pool,
      pools: report.pools.map {
        .init(
          pool: $0.name, tier: $0.tier, count: $0.count, allocated: $0.occupied.bytes, pending: $0.pending.bytes,
          unmet: $0.unmet.map(\.rawValue))
      },
      evicted: report.evicted.map {
        .init(
          name: $0.base.name.image, path: $0.base.path, images: images($0.base), rule: $0.rule.rawValue, detail: $0.detail,
          reclaimed: $0.isFree ? $0.base.allocated.bytes : 0)
      },
      kept: report.kept.map {
        .init(name: $0.base.name.image, path: $0.base.path, images: images($0.base), reason: $0.reason.rawValue, detail: $0.detail)
      },
      failed: report.failed.map { .init(name: $0.base.name.image, path: $0.base.path, error: $0.error) },
      unmet: report.unmet.map(\.rawValue),
      deletions: report.deletions.map {
        .init(
          pool: $0.pool, imageID: $0.imageID, name: $0.name, asked: PinText.time($0.asked), removed: $0.isRemoved,
          detail: $0.detail)
      },
      uploads: report.uploads.map {
        .init(
          image: $0.image, source: $0.source, stage: $0.stage, began: $0.began.map(PinText.time), done: $0.isDone, detail: $0.detail)
      }, unavailable: report.unavailable)
  }
}

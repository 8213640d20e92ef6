import Configuration
import Foundation
import Model
import Testing
import Wire

/// `cli.md` has every key of every document, and no other.
@Suite struct DocumentsReferenceTests {
  /// One of each document under its section's name, with a value in every field, so that all keys are seen.
  static func samples() throws -> [(type: String, section: String, json: String)] {
    let error = SlipwayError(.busy, "m", object: "o", hint: "h")
    let digest = Digest(.md5, hex: String(repeating: "0", count: 32))
    let fingerprint = try #require(Digest(.sha256, hex: String(repeating: "0", count: 64)))
    let signer = SignatureEvidence.Signer(id: "c", fingerprint: fingerprint, subject: "s", notAfter: "t")
    let signature = SignatureEvidence(
      keyType: "DSA", keyBits: 2048, hash: "SHA-256", signature: fingerprint, certificate: signer, chain: [signer], verifiedAt: "t")
    var evidence = Evidence(
      verdict: .matched, computed: digest, also: [digest].compactMap { $0 }, expected: digest, expectedFrom: "checksum",
      sourceSize: ByteCount(1), inspectedFormat: "raw", inspectedSubformat: "v3", partitions: "gpt", verifiedAt: "t",
      signatures: [signature], inspectedVirtualSize: ByteCount(1), inspection: .accepted,
      policy: PolicyEvidence(rule: "r", owner: "o", stores: ["s"], signature: .required, digest: .required, clone: .verifyAll),
      verifiedBy: "v")
    evidence.conversion = ConversionEvidence(from: "vmdk", by: "b", inspectedFormat: "raw", confinement: ["c"])
    let policy = PolicyDocument(
      rule: "r", owner: "o", stores: ["s"], signature: "required", digest: "required", clone: "verify-all", minRSABits: 1, minDSABits: 1,
      keyTypes: ["k"], formats: ["f"], vmdkSubformats: ["v"], maxVirtualSize: 1, signatureCoversDigest: true, demands: ["d"],
      warnings: ["w"])
    let tally = ByteTally(virtual: 1)
    let image = try #require(ImageID("1bea47ed-f6a9-463b-b423-14b9cca9ad27"))
    var disk = DiskDocument(
      name: "n", target: .rbd, route: .clone, source: "s", size: 1, base: "b", path: "p", image: "i", outcome: "created", state: "ready",
      created: "t", madeOn: "h", evidence: evidence, seconds: 1)
    disk.libvirt = DiskDocument.LibvirtView(pool: "p", volume: "v", diskXML: "x", domain: "d", device: "vda")
    disk.domains = ["d"]
    var disks = DiskListDocument(
      disks: [], leftovers: [.init(kind: "missing", path: "p", domain: "d")], unreadable: [("p", error)], unavailable: [error])
    disks.disks = [disk]
    let pin = PinDocument.Pin(note: "n", created: "t", expires: "t")
    let base = BaseDocument(
      name: "n", path: "p", images: ["i"], format: "raw", sourceFormat: "raw", virtualSize: 1, allocated: 1, route: .file, source: "s",
      evidence: evidence, created: "t", lastUsed: "t", hits: 1, pin: pin,
      clean: .init(goes: true, why: "w", detail: "d", usedBy: [.init(disk: "d", domains: ["w"])]))
    let foreign = ForeignBaseDocument(
      name: "n", path: "p", size: 1, allocated: 1, touched: "t", pin: pin,
      clean: .init(goes: true, why: "w", detail: "d", usedBy: [.init(disk: "d", domains: ["w"])]))
    let plan = Plan(target: .rbd, chosen: 0, candidates: [Candidate(url: "u", route: .clone, reason: .ok, detail: "d")])
    let warm = PrewarmDocument.Entry(image: "i", outcome: "fetched", path: "p", route: .file, bytes: tally, error: error)
    let settings = try LoadedConfiguration.load(system: .init(environment: [:], home: "/", read: { _ in nil }, isReadable: { _ in false }))
      .settings.filter { $0.key.path == "log.level" }
    let clean = CleanDocument(
      store: "s", dryRun: false, evicted: [.init(name: "n", path: "p", images: ["i"], rule: "unused", detail: "d", reclaimed: 1)],
      quarantine: [.init(path: "p", name: "n", reason: "r", since: "t", reclaimed: 1)],
      kept: [.init(name: "n", path: "p", images: ["i"], reason: "young", detail: "d")],
      failed: [.init(name: "n", path: "p", error: error)], unmet: ["over_size"], blocked: [.init(reason: "maintenance", detail: "d")],
      disks: .init(
        files: 1, overlays: 1, unreadable: [.init(path: "p", problem: "p", mayReferTo: ["f"])], vanished: ["v"], missing: ["PATH": ["d"]]),
      unasked: "u",
      pool: PoolCleanDocument(
        pool: "p", pools: [.init(pool: "p", tier: "t", count: 1, allocated: 1, pending: 1, unmet: ["over_size"])],
        evicted: [.init(name: "n", path: "p", images: ["i"], rule: "over_size", detail: "d", reclaimed: 1)],
        kept: [.init(name: "n", path: "p", images: ["i"], reason: "young", detail: "d")],
        failed: [.init(name: "n", path: "p", error: error)], unmet: ["over_size"],
        deletions: [.init(pool: "p", imageID: "i", name: "n", asked: "t", removed: true, detail: "d")],
        uploads: [.init(image: image, source: "s", stage: "flatten", began: "t", done: true, detail: "d")], unavailable: error), seconds: 1)
    let pooled = PoolBaseDocument(
      name: "n", path: "p", tier: "t", images: ["i"], sourceFormat: "qcow2", virtualSize: 1, allocated: 1, route: .export, source: "s",
      evidence: evidence, created: "t", madeOn: "h", lastUsed: "t", hits: 1, pin: pin, disks: ["d"],
      clean: .init(goes: true, why: "w", detail: "d", usedBy: [.init(disk: "d", domains: ["w"])]))
    let verified = VerifyDocument(
      store: "s",
      bases: [
        .init(
          name: "n", path: "p", images: ["i"], verdict: "damaged", detail: "d", blocks: 1, damagedBlocks: 1,
          damaged: [.init(offset: 0, length: 1)], read: 1, consequence: "quarantined", quarantine: "q", usedBy: ["d"], refetched: "p",
          error: error)
      ], seconds: 1)
    let judged = AuditDocument.Base(
      name: "n", path: "p", images: ["i"], madeBy: "slipway", rule: "r", verdict: "failed",
      findings: [.init(code: "c", message: "m", bytes: true)], read: 1, usedBy: ["d"], consequence: "quarantined", quarantine: "q",
      error: error)
    let audited = AuditDocument(store: "s", bases: [judged], pool: [judged], unavailable: error, unsearched: ["u"], seconds: 1)
    return [
      ("DoctorDocument", "doctor", try text(DoctorDocument(checks: [.init(name: "n", status: "ok", detail: "d", hint: "h")]))),
      ("PlanDocument", "plan", try text(PlanDocument(image: "i", plan: plan, cached: false, policy: policy, error: error, convert: "c"))),
      (
        "FetchDocument", "fetch",
        try text(
          FetchDocument(
            image: "i", path: "p", format: "raw", virtualSize: 1, route: .file, outcome: "fetched", bytes: tally, evidence: evidence,
            seconds: 1))
      ),
      (
        "EnsureDocument", "ensure",
        try text(
          EnsureDocument(
            overlay: "o", path: "p", format: "raw", virtualSize: 1, image: "i", route: .file, bytes: tally, evidence: evidence,
            heldUntil: "t", seconds: 1))
      ),
      ("DiskDocument", "disk", try text(disk)),
      ("DiskListDocument", "disks", try text(disks)),
      (
        "DiskChangeDocument", "change",
        try text(DiskChangeDocument(name: "n", path: "p", size: 1, base: "b", outcome: "resized", domains: ["d"], seconds: 1))
      ),
      (
        "UploadDocument", "upload",
        try text(
          UploadDocument(
            image: image, name: "n", source: "s", diskFormat: "raw", route: .clone, reason: .ok, detail: "d", store: "s", location: "l",
            size: 1, bytes: tally, digest: fingerprint, consistency: .quiesced, flatten: "done", base: "b", isCreated: true, seconds: 1))
      ),
      ("DeletionDocument", "deletion", try text(DeletionDocument(name: "n", deleted: true, seconds: 1))),
      (
        "CacheDocument", "cache",
        try text(
          CacheDocument(
            store: "s", bases: [base], foreign: [foreign], unknown: ["u"],
            pool: PoolBasesDocument(pool: "p", bases: [pooled], unavailable: error)))
      ),
      ("PinDocument", "pin", try text(PinDocument(image: "i", outcome: "pinned", bases: [.init(name: "n", path: "p", pin: pin)]))),
      ("CleanDocument", "clean", try text(clean)),
      ("VerifyDocument", "verify", try text(verified)),
      ("AuditDocument", "audit", try text(audited)),
      ("PrewarmDocument", "prewarm", try text(PrewarmDocument(images: [warm], seconds: 1))),
      ("MaintenanceDocument", "maintenance", try text(MaintenanceDocument(maintenance: true, note: "n"))),
      ("ConfigCheckDocument", "config check", try text(ConfigCheckDocument(file: "f", problems: ["p"], warnings: ["w"]))),
      ("ConfigShowDocument", "config show", try text(ConfigShowDocument(file: "f", settings: settings))),
      (
        "ConfigImportDocument", "config import-nova",
        try text(
          ConfigImportDocument(
            nova: "n", glance: "g", taken: [.init(option: "o", value: "v", key: "k", setting: "s")],
            left: [.init(option: "o", value: "v", why: "w")], problems: ["p"], yaml: "y"))
      ),
      ("ErrorDocument", "error", try text(ErrorDocument(error))),
    ]
  }

  /// What is part of other documents and never goes out alone.
  static let parts: Set<String> = [
    "ConversionDocument", "BaseDocument", "EvidenceDocument", "ForeignBaseDocument", "JudgedByDocument", "PolicyDocument",
    "PoolBaseDocument",
    "PoolBasesDocument",
    "PoolCleanDocument", "SignatureEvidenceDocument",
    // Of the API alone: docs/api/openapi.json has their keys, held by the tests of AgentAPI.
    "AgentDocument", "DiskRequestDocument", "FetchRequestDocument", "OperationDocument", "OperationListDocument", "PlanRequestDocument",
    "PrewarmRequestDocument", "ProblemDocument", "ReadinessDocument", "ResizeRequestDocument",
  ]

  private static func text(_ document: some Encodable) throws -> String { try WireCoding.text(document) }

  @Test("every document of Wire is held by these tests")
  func allDocuments() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let wire = root.appendingPathComponent("Sources/Wire")
    let known = Set(try Self.samples().map(\.type)).union(Self.parts)
    for file in try FileManager.default.contentsOfDirectory(atPath: wire.path).sorted() where file.hasSuffix(".swift") {
      let source = try String(contentsOf: wire.appendingPathComponent(file), encoding: .utf8)
      for match in source.matches(of: /(?m)^public struct (\w+Document)\b/) where !known.contains(String(match.1)) {
        Issue.record(
          """
          Sources/Wire/\(file): add \(match.1) to `samples` in Tests/slipwayTests/DocumentsReferenceTests.swift, with a value in every field \
          (or to `parts` if it never goes out alone), and its keys to docs/reference/cli.md, under Documents
          """)
      }
    }
  }

  @Test("no sample leaves a key without a value, whose own keys would not be seen")
  func samplesAreFull() throws {
    for sample in try Self.samples() {
      #expect(!sample.json.contains(":null") && !sample.json.contains("[]"), "give every field of the sample of \(sample.type) a value")
    }
  }

  @Test("cli.md has the keys of every document, and errors.md those of an error")
  func keys() throws {
    let cli = try ReferencePage("cli.md")
    let errors = try ReferencePage("errors.md")
    for sample in try Self.samples() {
      let page = sample.section == "error" ? errors : cli
      let heading = sample.section == "error" ? "The document" : sample.section
      guard page.text(heading) != nil else {
        Issue.record("\(page.path): add a section '### \(heading)' under Documents, with a table of the keys of \(sample.type)")
        continue
      }
      let documented = Self.documented(page, heading, cli: cli, errors: errors)
      let present = Self.keys(try JSONSerialization.jsonObject(with: Data(sample.json.utf8)))
      compare(page, heading, rows: documented.sorted().map { "`\($0)`" }, with: present.sorted().map { "`\($0)`" })
    }
  }

  /// The keys of a value: `a`, `a.b`, `a[].b`.
  static func keys(_ value: Any, under prefix: String = "") -> Set<String> {
    var found: Set<String> = []
    if let mapping = value as? [String: Any] {
      for (key, inner) in mapping {
        let path = prefix.isEmpty ? key : "\(prefix).\(key)"
        found.insert(path)
        found.formUnion(keys(inner, under: path))
      }
    } else if let list = value as? [Any] {
      for inner in list { found.formUnion(keys(inner, under: "\(prefix)[]")) }
    }
    return found
  }

  /// The keys that a page tells under a heading. A row that says 'as in [x](#x)', 'a list of [x](#x)' or 'what `error` holds in [errors](…)' stands
  /// for the keys told there, too.
  static func documented(_ page: ReferencePage, _ heading: String, cli: ReferencePage, errors: ReferencePage) -> Set<String> {
    var found: Set<String> = []
    for row in page.rows(heading) {
      guard let key = ReferencePage.code(row[0]).first else { continue }
      found.insert(key)
      let list = row[1].contains("a list of") ? "[]" : ""
      if row[1].contains("what `error` holds") {
        for inner in documented(errors, "The document", cli: cli, errors: errors) where inner.hasPrefix("error.") {
          found.insert("\(key)\(list).\(inner.dropFirst("error.".count))")
        }
      } else if let link = row[1].firstMatch(of: /as in \[([^\]]+)\]\(#/) {
        let last = key.split(separator: ".").last.map { "\($0)." } ?? ""
        for inner in documented(cli, String(link.1), cli: cli, errors: errors) where inner.hasPrefix(last) {
          found.insert("\(key).\(inner.dropFirst(last.count))")
        }
      } else if let link = row[1].firstMatch(of: /a list of \[([^\]]+)\]\(#/) {
        for inner in documented(cli, String(link.1), cli: cli, errors: errors) { found.insert("\(key)[].\(inner)") }
      }
    }
    return found
  }
}

internal import Agent
public import Disks
internal import Foundation
internal import LibvirtReport
public import Model
internal import Runtime
public import Wire

extension DiskDocument {
  /// A disk's document; `outcome` and what belongs to it only from `create`.
  public init(_ info: DiskInfo, outcome: DiskOutcome? = nil, route: Route? = nil, seconds: Double? = nil) {
    let record = info.record
    self.init(
      name: record.name.text, target: record.request.target, route: outcome == .created ? route : record.route, source: record.source,
      size: info.size.bytes, base: record.base, path: info.path, image: record.request.image, outcome: outcome?.rawValue,
      state: info.state.rawValue, created: record.created, madeOn: record.owner.host, evidence: record.evidence, seconds: seconds)
  }
}

extension DiskChangeDocument {
  init(_ change: DiskChange, outcome: String, _ start: ContinuousClock.Instant) {
    self.init(
      name: change.info.record.name.text, path: change.info.path, size: change.info.size.bytes,
      base: change.info.record.request.target == .qcow2 ? change.info.record.base : nil, outcome: outcome, domains: change.domains,
      seconds: (ContinuousClock.now - start).seconds)
  }
}

/// How libvirt finds a disk, as it is told.
struct SpokenView: Sendable {
  var pool: String?
  var volume: String?
  var element: DiskElement
}

extension DiskDocument.LibvirtView {
  /// A view, and where the disk was attached.
  init(_ view: SpokenView, _ attachment: DiskAttachment?) {
    self.init(
      pool: view.pool, volume: view.volume, diskXML: view.element.xml, domain: attachment?.domain, device: attachment?.device)
  }
}

extension PolicyDocument {
  init(_ policy: PolicyView) {
    self.init(
      rule: policy.rule, owner: policy.owner, stores: policy.stores, signature: policy.signature.rawValue, digest: policy.digest.rawValue,
      clone: policy.clone.rawValue, minRSABits: policy.minimumRSABits, minDSABits: policy.minimumDSABits, keyTypes: policy.keyTypes,
      formats: policy.formats, vmdkSubformats: policy.vmdkSubformats, maxVirtualSize: policy.maximumVirtualSize?.bytes,
      signatureCoversDigest: policy.signatureCoversDigest, demands: policy.demands, warnings: policy.warnings)
  }
}

extension Duration {
  /// Seconds with milliseconds.
  var seconds: Double {
    let value = Double(components.seconds) + Double(components.attoseconds) / 1e18
    return (value * 1000).rounded() / 1000
  }
}

internal import Configuration
internal import Disks
internal import Foundation
internal import Libvirt
internal import LibvirtReport
internal import Model
internal import Runtime

/// What is known of libvirt's domains.
enum DomainKnowledge: Sendable {
  /// There is no libvirt on this host.
  case none
  /// What they have.
  case known(DomainUse)
  /// There is, and it does not answer: anything may be in use.
  case unreachable(SlipwayError)
}

extension Agent {
  /// What domains have now. Throws only `CancellationError`: what cannot be known is part of the answer.
  func domains(_ context: RequestContext) async throws -> DomainKnowledge {
    guard let settings = configuration.libvirt, let inventory else { return .none }
    do {
      return .known(try await inventory.read(deadline: context.deadline))
    } catch {
      try Task.checkCancellation()
      let error = SlipwayError.wrap(error)
      // What is only a default is nobody's word that there is a libvirt.
      if !settings.isURISet, error.isLibvirtAbsent, !Self.hasLibvirt() { return .none }
      context.log(.warning, "libvirt was not asked what domains use", ["reason": error.message])
      return .unreachable(error)
    }
  }

  /// Whether domains have changed since `view` was read. Asked in full where no events tell.
  func isOutOfDate(_ view: DomainKnowledge, _ context: RequestContext) async throws -> Bool {
    guard case .known(let use) = view else { return false }
    if inventory?.isCurrent(use) == true { return false }
    guard case .known(let now) = try await domains(context) else { return true }
    return !now.says(use)
  }

  /// Whether libvirt's daemon has ever run here: these directories come with it, and stay while it is stopped.
  static func hasLibvirt(_ exists: (String) -> Bool = { FileManager.default.fileExists(atPath: $0) }) -> Bool {
    ["/etc/libvirt/qemu", "/var/lib/libvirt/qemu", "/run/libvirt"].contains(where: exists)
  }
}

extension DomainKnowledge {
  /// The files to look at, in order.
  var disks: [NamedDisk] {
    guard case .known(let use) = self else { return [] }
    return use.files.map { NamedDisk(path: $0.path, format: $0.format, domain: $0.domain) }
      .sorted { ($0.path, $0.domain, $0.format ?? "") < ($1.path, $1.domain, $1.format ?? "") }
  }

  /// What domains have and nobody can find, by domain.
  var unknown: [DomainUse.Unknown] {
    guard case .known(let use) = self else { return [] }
    return use.unknown.sorted { ($0.domain, $0.problem) < ($1.domain, $1.problem) }
  }
}

import Crypto
import Foundation
import Model
import Testing

/// SIGKILL at many seeded moments of a fetch into Nova's cache: nova-compute, which takes every name there for whole, never meets half a base.
@Suite(.serialized, .fewAtATime, .timeLimit(.minutes(30))) struct NovaKillTests {
  @Test(arguments: ["raw", "qcow2"]) func aFetchIntoNovasCacheThatIsKilledLeavesAWholeBaseOrNothing(format: String) async throws {
    let image = format == "raw" ? try await Images.shared.raw() : try await Images.shared.qcow2()
    let (host, instances) = try novaHost()
    let name = try Digest.of(Array(image.id.utf8), .sha1).hex
    let base = "\(instances)/_base/\(name)"
    @Sendable func names(_ directory: String) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: instances + directory)) ?? []).sorted()
    }
    /// What Nova sees, between any two steps of ours.
    @Sendable func expectNovasRules() async throws -> Bool {
      // Nova's manager would take other names for bases (40 characters, or 42 and more with an underscore) or keep them for ever, and its own
      // precaching writes to `.part` and `.converted`.
      #expect(names("/_base").allSatisfy { $0 == name }, "\(names("/_base"))")
      #expect(names("/locks").allSatisfy { $0 == "nova-\(name)" }, "\(names("/locks"))")
      #expect(Set(names("")).isSubset(of: ["_base", "locks", ".slipway-store.json"]), "\(names(""))")
      guard FileManager.default.fileExists(atPath: base) else { return false }
      try await Compare.guest(base, "raw", image.file, format)
      let attributes = try FileManager.default.attributesOfItem(atPath: base)
      #expect(attributes[.posixPermissions] as? Int == 0o644)
      // One name alone, so that what Nova removes is gone.
      #expect(attributes[.referenceCount] as? Int == 1)
      return true
    }
    try await kills(10, seed: 41, of: host) { _ in
      ["fetch", image.id]
    } look: { _ in
      let isThere = try await expectNovasRules()
      // The next one to come sweeps, and finds it, brings it, or proves what a kill between link and evidence left.
      let answer = try await host.run("fetch", image.id).succeeded()
      #expect(answer["path"].text == base)
      #expect(try await expectNovasRules())
      #expect(host.stored("tmp").isEmpty)
      let shown = try await host.run("cache", "show", image.id).succeeded()["bases"].list
      #expect(shown.count == 1)
      if !isThere { #expect(shown.first?["made_by"].text == "slipway") }
      #expect(try await host.run("cache", "verify", image.id).succeeded()["counts"]["sound"].int == 1)
      // As Nova removes one; what lies beside it goes with the next sweep.
      try FileManager.default.removeItem(atPath: base)
      return isThere ? .whole : .nothing
    }
  }
}

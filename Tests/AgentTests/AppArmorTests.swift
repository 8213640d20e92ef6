import Foundation
import Testing

@testable import Agent

/// Whether libvirt's helper is told of the store, by AppArmor's files.
@Suite struct AppArmorTests {
  private func missing(_ rules: String?, enabled: String? = "Y\n") throws -> [String]? {
    let path = NSTemporaryDirectory() + "slipway-apparmor-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try enabled?.write(toFile: path + "/enabled", atomically: true, encoding: .utf8)
    try rules?.write(toFile: path + "/rules", atomically: true, encoding: .utf8)
    return try AppArmor.missing(["/srv/store/bases", "/srv/disks"], enabled: path + "/enabled", rules: path + "/rules")
  }

  @Test func whereItIsNotInForceNothingIsSaid() throws {
    #expect(try missing(nil, enabled: nil) == nil)
    #expect(try missing(nil, enabled: "N\n") == nil)
  }

  @Test func withoutRulesEveryPathIsMissing() throws { #expect(try missing(nil) == ["/srv/store/bases", "/srv/disks"]) }

  @Test func aPathThatARuleNamesIsNot() throws {
    #expect(try missing("  /srv/store/bases/** r,\n# /srv/disks/** r,\n/srv/disks-of-others/** r,\n") == ["/srv/disks"])
    #expect(try missing("\"/srv/store/bases/**\" r,\n/srv/disks/ r,\n") == [])
  }
}

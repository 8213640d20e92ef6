import FaultServer
import Foundation
import Model
import Runtime
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct DoctorTests {
  @Test func oneThatHangsHidesNoneOfTheOthers() async throws {
    let bed = try Bed()
    bed.hangs.with { $0 = true }
    // What conversion needs is a matter of the machine.
    let statuses = try await diagnose(bed).mapValues(\.status).filter { $0.key != "conversion" }
    #expect(
      statuses == [
        "store": .ok, "disks directory": .ok, "ceph": .warning, "image service": .failed, "trust policy": .ok,
        // A service without authentication has no catalog to look for another in.
        "certificates": .warning,
      ])
  }

  private func diagnose(_ bed: Bed, _ configuration: String = "") async throws -> [String: Diagnosis] {
    try await bed.withAgent(configuration) { agent in
      var context = bed.context
      context.deadline = .after(.seconds(15))
      return Dictionary(uniqueKeysWithValues: await agent.diagnose(context: context).map { ($0.name, $0) })
    }
  }

  private func sh(_ bed: Bed, _ script: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-e", "-c", script]
    process.currentDirectoryURL = URL(fileURLWithPath: bed.path)
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  @Test("a lax policy is warned of, with what to do")
  func policy() async throws {
    let found = try await diagnose(try Bed(), "trust: { signature: off, rules: [{ owner: p, clone: trust }] }")["trust policy"]
    #expect(found?.status == .warning && found?.hint?.isEmpty == false)
    #expect(found?.detail.contains("trust.signature: off") == true && found?.detail.contains("owner p") == true)
  }

  @Test("where signatures are required and there is no certificate service, that is a failure")
  func needed() async throws {
    let found = try await diagnose(try Bed(), "trust: { rules: [{ store: web, signature: required }] }")["certificates"]
    #expect(found?.status == .failed && found?.hint?.contains("trust.certificates: directory") == true)
  }

  @Test("a directory that cannot be read is a failure with the command that mends it")
  func noDirectory() async throws {
    let bed = try Bed()
    let found = try await diagnose(bed, "trust: { certificates: directory, certificates_path: \(bed.path)/none, trusted: [root] }")
    #expect(found["certificates"]?.status == .failed && found["certificates"]?.hint?.contains("install -d") == true)
    #expect(found["trusted certificate root"]?.status == .failed)
  }

  @Test("each trusted certificate is looked at: whether it is there, and its dates")
  func dates() async throws {
    let bed = try Bed()
    try sh(
      bed,
      """
      mkdir certs
      openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp384r1 -out key
      openssl req -x509 -new -key key -sha256 -days 400 -subj /CN=root -out certs/root.pem
      openssl req -x509 -new -key key -sha256 -days 10 -subj /CN=soon -out certs/soon.pem
      openssl req -x509 -new -key key -sha256 -days -1 -subj /CN=gone -out certs/gone.pem || \
        openssl req -new -key key -subj /CN=gone | openssl x509 -req -signkey key -days -1 -out certs/gone.pem
      cp key 'certs/bad.pem'
      cp certs/root.pem 'certs/no id.pem'
      """)
    let found = try await diagnose(
      bed, "trust: { certificates: directory, certificates_path: \(bed.path)/certs, trusted: [root, soon, gone, absent, '../x'] }")
    let certificates = try #require(found["certificates"])
    #expect(certificates.status == .warning && certificates.detail.contains("holds 3 certificates"))
    #expect(certificates.detail.contains("bad.pem") && certificates.detail.contains("no id.pem"))
    #expect(certificates.hint?.contains("openssl x509") == true)
    let statuses = ["root", "soon", "gone", "absent", "../x"].map { found["trusted certificate \($0)"]?.status }
    #expect(statuses == [.ok, .warning, .failed, .failed, .failed])
    #expect(found["trusted certificate gone"]?.detail.contains("expired") == true)
    #expect(found["trusted certificate absent"]?.hint?.contains("absent.pem") == true)
  }
}

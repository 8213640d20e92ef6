import Crypto
import FaultServer
import Foundation
import ImageStore
import Model
import Runtime
import Testing

@testable import Agent

/// Who gets a base when the image service cannot say who may.
@Suite(.timeLimit(.minutes(1))) struct VisibilityTests {
  let bed: Bed
  init() throws { bed = try Bed() }

  @Test func duringAnOutageOurOwnRightsStand() async throws {
    let first = try await bed.fetch(bed.request())
    bed.isDown.with { $0 = true }
    #expect(try await bed.fetch(bed.request()).path == first.path)
    let error = await #expect(throws: SlipwayError.self) {
      try await bed.withAgent(onServiceDown: "refuse") { _ = try await $0.fetch(bed.request(), format: nil, context: bed.context) }
    }
    #expect(error?.code == .imageServiceUnavailable)
  }

  @Test(arguments: [Purpose.boot, .migrate]) func duringAnOutageNoTokenIsTrusted(_ purpose: Purpose) async throws {
    _ = try await bed.fetch(bed.request(token: "a"))
    bed.isDown.with { $0 = true }
    #expect(await bed.refusal(try bed.request(token: "a", purpose: purpose)) == .imageServiceUnavailable)
  }

  @Test func duringAnOutageDemandsHoldToo() async throws {
    bed.image.with { $0?.algorithm = nil }
    _ = try await bed.fetch(bed.request())
    bed.isDown.with { $0 = true }
    #expect(await bed.refusal(try bed.request()) == nil)
    #expect(await bed.refusal(try bed.request(), "trust: { digest: required }") == .digestRequired)
    #expect(await bed.refusal(try bed.request(Digest.of([1], .sha256))) == .digestMismatch)
    #expect(await bed.refusal(try bed.request(Digest.of(Bed.bytes(), .sha256))) == nil)
    #expect(await bed.refusal(try bed.request(Digest.of(Bed.bytes(), .sha512))) == .digestRequired)
  }

  @Test func aDeletedImageServesWhatHasDisksAndNothingElse() async throws {
    let first = try await bed.fetch(bed.request())
    bed.image.with { $0 = nil }
    #expect(await bed.refusal(try bed.request()) == .imageNotFound)
    for purpose in Purpose.allCases where purpose != .boot {
      #expect(try await bed.fetch(bed.request(purpose: purpose)).path == first.path)
    }
  }

  @Test func aTokenNeverGetsADeletedImage() async throws {
    _ = try await bed.fetch(bed.request(token: "a"))
    bed.image.with { $0 = nil }
    #expect(await bed.refusal(try bed.request(token: "a", purpose: .migrate)) == .imageNotFound)
  }

  @Test func anImageOfAnotherTenantIsNotTakenForADeletedOne() async throws {
    // Neither our own credentials nor tenant b's show it: to both it looks deleted.
    bed.image.with { image in
      image?.visibility = "private"
      image?.seenBy = ["a"]
    }
    _ = try await bed.fetch(bed.request(token: "a"))
    for purpose in Purpose.allCases { #expect(await bed.refusal(try bed.request(token: "b", purpose: purpose)) == .imageNotFound) }
    #expect(await bed.refusal(try bed.request(token: "a")) == nil)
  }

  @Test(arguments: [
    ("deactivated", ErrorCode.imageDeactivated), ("killed", .imageUnusable), ("queued", .imageNotReady), ("deleted", .imageDeleted),
  ])
  func theStatusIsAskedOnAHitToo(_ status: String, _ code: ErrorCode) async throws {
    _ = try await bed.fetch(bed.request())
    bed.image.with { $0?.status = status }
    #expect(await bed.refusal(try bed.request()) == code)
  }

  @Test func theSameBytesOfTwoOwnersAreTwoBases() async throws {
    let open = try await bed.fetch(bed.request())
    bed.image.with { $0?.visibility = "private" }
    let owned = try await bed.fetch(bed.request())
    #expect(open.path != owned.path)
    #expect(owned.route == .download)
  }
}

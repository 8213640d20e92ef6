import Crypto
import FaultServer
import Foundation
import ImageStore
import Model
import Runtime
import Testing

@testable import Agent

/// A base that is here is judged by what is asked today, not by what was asked when it came.
@Suite(.timeLimit(.minutes(1))) struct HitTests {
  let bed: Bed
  init() throws { bed = try Bed() }

  @Test func aHitMovesNothing() async throws {
    let first = try await bed.fetch(bed.request())
    let second = try await bed.fetch(bed.request())
    #expect(first.route == .download)
    #expect(second.route == nil)
    #expect(second.path == first.path)
    #expect(bed.downloads == 1)
  }

  @Test func anotherHashIsAnotherBase() async throws {
    let first = try await bed.fetch(bed.request())
    bed.image.with { $0?.bytes = Bed.bytes(seed: 9) }
    let second = try await bed.fetch(bed.request())
    #expect(second.route == .download)
    #expect(second.path != first.path)
  }

  @Test func aDigestThatTheServiceContradictsIsRefusedBeforeAnythingMoves() async throws {
    let other = try Digest.of([1], .sha512)
    #expect(await bed.refusal(try bed.request(other)) == .digestMismatch)
    #expect(bed.downloads == 0)
    _ = try await bed.fetch(bed.request())
    #expect(await bed.refusal(try bed.request(other)) == .digestMismatch)
    #expect(bed.downloads == 1)
  }

  @Test func aDigestThatNobodyTookIsVerifiedOnceMoreAndThenKnown() async throws {
    _ = try await bed.fetch(bed.request())
    let digest = try Digest.of(Bed.bytes(), .sha256)
    let again = try await bed.fetch(bed.request(digest))
    #expect(again.route == nil)
    #expect(again.tally.read == 300_000)
    #expect(again.record.evidence.digests.contains(digest))
    let third = try await bed.fetch(bed.request(digest))
    #expect(third.tally.read == 0)
    #expect(bed.downloads == 2)
    #expect(bed.names("tmp").isEmpty)
  }

  @Test func aWrongDigestOfAnotherAlgorithmIsRefusedOnAHitAndTheBaseStays() async throws {
    let first = try await bed.fetch(bed.request())
    #expect(await bed.refusal(try bed.request(Digest.of([1], .sha256))) == .digestMismatch)
    let again = try await bed.fetch(bed.request())
    #expect(again.record == first.record)
    #expect(bed.names("tmp").isEmpty)
  }

  @Test func aSourceThatIsNoLongerTheBasesIsNoProofForIt() async throws {
    // Known by sha512; the service now serves other bytes under the same hash.
    _ = try await bed.fetch(bed.request())
    let lie = Bed.bytes(seed: 3)
    bed.change.with { $0 = { $0.body = lie } }
    #expect(await bed.refusal(try bed.request(Digest.of(lie, .sha256))) == .digestMismatch)
  }

  @Test func aWeakDigestIsComparedOnAHitOfALocation() async throws {
    let file = "\(bed.path)/image.raw"
    let bytes = Bed.bytes()
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    let first = try await bed.fetch(bed.typed(file))
    #expect(first.record.evidence.verdict == .none)
    #expect(await bed.refusal(bed.typed(file, try Digest.of([1], .md5))) == .digestMismatch)
    let right = try Digest.of(bytes, .md5)
    let again = try await bed.fetch(bed.typed(file, right))
    #expect(again.path == first.path)
    #expect(again.tally.read == 300_000)
    #expect(again.record.evidence.verdict == .matched)
    #expect(await bed.refusal(bed.typed(file, try Digest.of([1], .md5))) == .digestMismatch)
    let known = try await bed.fetch(bed.typed(file, right))
    #expect(known.tally.read == 0)
  }

  @Test func aStrongDigestOfALocationIsAnotherBase() async throws {
    let file = "\(bed.path)/image.raw"
    try Data(Bed.bytes()).write(to: URL(fileURLWithPath: file))
    let first = try await bed.fetch(bed.typed(file))
    let second = try await bed.fetch(bed.typed(file, try Digest.of(Bed.bytes(), .sha256)))
    #expect(second.route == .file)
    #expect(second.path != first.path)
    #expect(await bed.refusal(bed.typed(file, try Digest.of([1], .sha256))) == .digestMismatch)
  }

  @Test func aStricterPolicyHoldsForWhatIsHereAlready() async throws {
    bed.image.with { $0?.algorithm = nil }
    _ = try await bed.fetch(bed.request())
    #expect(await bed.refusal(try bed.request(), "trust: { digest: required }") == .digestRequired)
    #expect(await bed.refusal(try bed.request(), "trust: { signature: required }") == .signatureRequired)
    var asked = try bed.request()
    asked.trusted = ["a"]
    #expect(await bed.refusal(asked) == .signatureRequired)
  }

  @Test func aPlanCallsCachedOnlyWhatWouldBeHandedOut() async throws {
    _ = try await bed.fetch(bed.request())
    let digest = try Digest.of(Bed.bytes(), .sha256)
    let (plain, demanding) = try await bed.withAgent { agent in
      (
        try await agent.plan(bed.request(), target: .raw, size: nil, context: bed.context),
        try await agent.plan(bed.request(digest), target: .raw, size: nil, context: bed.context)
      )
    }
    #expect(plain.cached)
    #expect(!demanding.cached)
  }

  @Test func theDigestThatIsPendingIsTakenAndASecondImageOfTheseBytesIsABaseOfItsOwn() async throws {
    bed.image.with { $0?.isPending = true }
    let first = try await bed.fetch(bed.request())
    #expect(first.record.evidence.verdict == .pending)
    #expect(first.record.evidence.computed == (try Digest.of(Bed.bytes(), .sha512)))
    bed.image.with { $0?.isPending = false }
    let second = try await bed.fetch(bed.request())
    #expect(second.record.evidence.verdict == .matched)
  }
}

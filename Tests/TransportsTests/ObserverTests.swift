import Files
import ImageFormats
import Model
import TestSupport
import Testing
import Transports

@Suite(.timeLimit(.minutes(1))) struct ObserverTests {
  let bed: Bed
  init() throws { bed = try Bed() }

  @Test func aDigestSeesHolesAsZeros() async throws {
    // What sha256sum says of 1 MiB of /dev/zero.
    let zeros = try DigestObserver(.sha256)
    _ = try await bed.run(SparseRandomImage(runs: [.init(0..<1 << 20, .hole)]), to: MemorySink(), zeros)
    #expect(try zeros.result().description == "sha256:30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58")
  }

  @Test func aDigestDoesNotDependOnHowTheBytesCame() async throws {
    let image = SparseRandomImage(size: 3_000_001, seed: 11)
    let (streamed, read, direct) = (try DigestObserver(.sha512), try DigestObserver(.sha512), try DigestObserver(.sha512))
    _ = try await bed.run(image, to: MemorySink(), read)
    _ = try await bed.run(FaultySource(image, .delay(upTo: .milliseconds(3))), to: MemorySink(), streamed)
    try image.bytes().withUnsafeBytes { try direct.update($0) }
    let expected = try direct.result()
    #expect(try read.result() == expected)
    #expect(try streamed.result() == expected)
  }

  @Test func aQcow2ThatIsSaidToBeRawEndsTheTransfer() async throws {
    let file = try bed.file("qcow2")
    _ = try await bed.run(
      SparseRandomImage(size: 8 << 20, seed: 4), to: try Qcow2FileSink(file, virtualSize: 8 << 20, workers: bed.workers))
    let source = FileSource(file, size: try file.size(), workers: bed.workers)
    let code = await Bed.code {
      let observer = InspectionObserver(claimed: .raw, object: "it")
      _ = try await bed.run(source, to: MemorySink(), observer)
      _ = try observer.result()
    }
    #expect(code == .formatMismatch)
    let claimed = InspectionObserver(claimed: .qcow2, object: "it")
    _ = try await bed.run(source, to: MemorySink(), claimed)
    #expect(try claimed.result().virtualSize == 8 << 20)
    try file.close()
  }

  @Test func bytesThatAreNoQcow2AreNotTakenForOne() async throws {
    let code = await Bed.code {
      let observer = InspectionObserver(claimed: .qcow2, object: "it")
      _ = try await bed.run(SparseRandomImage(size: 1 << 20, seed: 6, data: 1), to: MemorySink(), observer)
      _ = try observer.result()
    }
    #expect(code == .formatMismatch || code == .formatRefused)
  }
}

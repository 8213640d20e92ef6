import FaultServer
import Model
import OpenStack
import Testing

@Suite(.timeLimit(.minutes(5))) struct ImageTests {
  private func describe(_ json: String) async throws -> ImageDescription {
    let cloud = try FakeCloud { ask in ask.path.hasSuffix("/locations") ? FaultReply(403) : .json(json) }
    return try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
  }

  @Test func everyFieldIsMapped() async throws {
    let image = try await describe(
      FakeCloud.image(
        #""min_disk":20,"virtual_size":2097152,"os_hidden":true,"custom":"x","img_signature":"c2ln","img_signature_key_type":"RSA-PSS","#
      )
      .replacing(#""os_hidden":false,"#, with: ""))
    #expect(image.id?.text == FakeCloud.imageID)
    #expect(image.name == "ubuntu")
    #expect(image.status == .active)
    #expect(image.diskFormat == "raw" && image.containerFormat == "bare")
    #expect(image.size == ByteCount(1 << 20) && image.virtualSize == ByteCount(2 << 20))
    #expect(image.minDiskGiB == 20)
    #expect(image.digest?.algorithm == .sha512 && !image.digestPending)
    #expect(image.checksum?.algorithm == .md5)
    #expect(image.owner == "p1" && image.visibility == "public" && image.hidden)
    #expect(image.signature == ["img_signature": "c2ln", "img_signature_key_type": "RSA-PSS"])
    #expect(!image.encrypted)
  }

  @Test func everyStoreThatHoldsItIsTold() async throws {
    let both = try await describe(
      FakeCloud.image(#""stores":"ceph,web","locations":[{"url":"rbd://a/b/c/d","metadata":{"store":"old"}}],"#))
    #expect(both.stores == ["ceph", "web", "old"])
    #expect(try await describe(FakeCloud.image()).stores.isEmpty)
  }

  @Test func aNullHashIsPendingAndNoFailure() async throws {
    let image = try await describe(FakeCloud.image(#""os_hash_value":null,"checksum":null,"#))
    #expect(image.digest == nil && image.digestPending && image.checksum == nil)
  }

  @Test func noAlgorithmIsNotPending() async throws {
    let image = try await describe(FakeCloud.image(#""os_hash_value":null,"os_hash_algo":null,"#))
    #expect(image.digest == nil && !image.digestPending)
  }

  @Test func anUnknownAlgorithmIsNoDigest() async throws {
    let image = try await describe(FakeCloud.image(#""os_hash_algo":"blake2b","#))
    #expect(image.digest == nil && !image.digestPending && image.checksum != nil)
  }

  @Test(arguments: [#""os_hash_value":"abc","#, #""os_hash_value":"","#, #""checksum":"zz","#])
  func aDigestThatIsNoneIsNotTakenForAbsent(extra: String) async throws {
    let error = await failure { try await describe(FakeCloud.image(extra)) }
    #expect(error?.code == .imageServiceUnavailable)
  }

  @Test func nullSizesAreUnknown() async throws {
    let image = try await describe(
      FakeCloud.image(#""size":null,"#).replacing(#""container_format":"bare""#, with: #""container_format":null"#))
    #expect(image.size == nil && image.virtualSize == nil && image.containerFormat == nil)
  }

  @Test(arguments: [#""os_encrypt_format":"LUKSv1","#, #""cinder_encryption_key_id":"k","#]) func encryptionIsSeen(extra: String)
    async throws
  {
    #expect(try await describe(FakeCloud.image(extra)).encrypted)
  }

  @Test func anEmptyKeyIDIsNoEncryption() async throws {
    #expect(try await !describe(FakeCloud.image(#""cinder_encryption_key_id":"","#)).encrypted)
  }

  @Test(arguments: ["active", "queued", "saving", "uploading", "importing", "deactivated", "killed", "deleted", "pending_delete"])
  func everyStatusIsKnown(status: String) async throws {
    let image = try await describe(FakeCloud.image(status: status))
    #expect(image.status.rawValue == status)
  }

  @Test func anotherStatusIsUnknown() async throws {
    #expect(try await describe(FakeCloud.image(status: "hibernating")).status == .unknown)
  }

  @Test(arguments: ["", "[]", "{}", "{\"id\":", "<html>", "{\"id\":\"1bea47ed-f6a9-463b-b423-14b9cca9ad28\",\"status\":\"active\"}"])
  func whatIsNoSuchImageIsUnavailable(json: String) async throws {
    let error = await failure { try await describe(json) }
    #expect(error?.code == .imageServiceUnavailable)
  }

  @Test(arguments: [
    (404, ErrorCode.imageNotFound), (403, .imageServiceDenied), (500, .imageServiceUnavailable), (302, .imageServiceUnavailable),
    (400, .imageServiceUnavailable),
  ])
  func aStatusHasItsCode(status: Int, code: ErrorCode) async throws {
    let cloud = try FakeCloud { _ in FaultReply(status) }
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == code)
  }

  @Test func aRedirectionElsewhereGetsNoToken() async throws {
    let other = try FaultServer { _ in .json(FakeCloud.image()) }
    let url = other.url
    let cloud = try FakeCloud { _ in FaultReply(302, [("Location", url + "/v2/images")]) }
    _ = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(other.requests.isEmpty)
  }
}

import FaultServer
import HTTPClient
import Model
import OpenStack
import Runtime
import Testing

/// Images that are made, and given their bytes or a location of them.
@Suite(.timeLimit(.minutes(1))) struct UploadTests {
  private func stores(_ json: String, status: Int = 200) async throws -> [GlanceStore]? {
    let cloud = try FakeCloud { _ in FaultReply.json(json, status: status) }
    return try await cloud.glance.stores(context: cloud.context())
  }

  @Test("what lies behind the stores is read in the shapes of all releases")
  func storeShapes() async throws {
    let fsid = "b7c9ad4e-0d8f-4f0a-9d9b-1b8f2a6f8f11"
    let today = try await stores(
      """
      {"stores":[{"id":"ceph","description":"fast","default":"true","type":"rbd","weight":100,
       "properties":{"chunk_size":8388608,"pool":"images","thin_provisioning":false,"fsid":"\(fsid)"}},
      {"id":"f","type":"file","weight":0,"properties":{"data_dir":"/d","chunk_size":65536}},
      {"id":"web","type":"http","read-only":"true","weight":0,"properties":{}}]}
      """)
    #expect(today?.map(\.id) == ["ceph", "f", "web"])
    #expect(today?.first?.pool == "images" && today?.first?.fsid == FSID(fsid) && today?.first?.isDefault == true)
    #expect(today?.last?.isReadOnly == true && today?.last?.isDefault == false)
    let yoga = try await stores(#"{"stores":[{"id":"ceph","default":true,"type":"rbd","properties":{"pool":"pool1"}}]}"#)
    #expect(yoga?.first?.pool == "pool1" && yoga?.first?.fsid == nil && yoga?.first?.isDefault == true)
    let bare = try await stores(
      #"{"stores":[{"id":"ceph","default":"true"},{"id":"null","type":"rbd","properties":{"pool":"p","fsid":null}}]}"#)
    #expect(bare?.first?.type == nil && bare?.last?.fsid == nil && bare?.last?.pool == "p")
  }

  @Test("a service that keeps its stores to itself is one that tells nothing", arguments: [403, 404, 405])
  func storesAreNotTold(_ status: Int) async throws {
    let told = try await stores("{}", status: status)
    #expect(told == nil)
  }

  @Test("a location goes to the locations API as ours, with the digest in lower case and nothing else")
  func register() async throws {
    let seen = Locked<[String]>([])
    let cloud = try FakeCloud { ask in
      seen.with { $0.append("\(ask.request.method) \(ask.path) \(ask.token ?? "-") \(String(decoding: ask.request.body, as: UTF8.self))") }
      return FaultReply(202)
    }
    let digest = try Digest(.sha512, hex: String(repeating: "AB", count: 64)).orThrow()
    let answer = try await cloud.glance.register(
      "rbd://f/p/i/snap", digest: digest, for: FakeCloud.id, token: Secret("callers"), context: cloud.context())
    #expect(answer == .taken)
    let line = try #require(seen.with { $0.first })
    #expect(line.hasPrefix("POST /v2/images/\(FakeCloud.imageID)/locations token-1 "))
    #expect(line.contains(String(repeating: "ab", count: 64)) && line.contains(#""os_hash_algo":"sha512""#) && !line.contains("store"))
    #expect(seen.with { $0.count } == 1)
  }

  @Test(
    "where there is no locations API, or it refuses, the image itself is changed; a refusal of both is told", arguments: [404, 403, 400])
  func legacy(_ status: Int) async throws {
    let seen = Locked<[String]>([])
    let patched = Locked(200)
    let cloud = try FakeCloud { ask in
      if ask.request.method == "GET" { return FaultReply.json(#"{"id":"\#(FakeCloud.imageID)","status":"queued"}"#) }
      guard ask.request.method == "PATCH" else { return FaultReply(status) }
      seen.with {
        $0.append(
          "\(ask.path) \(ask.token ?? "-") \(ask.request.headers["content-type"] ?? "-") \(String(decoding: ask.request.body, as: UTF8.self))"
        )
      }
      return FaultReply(patched.with { $0 }, body: Array("<h1>no &amp; never</h1>".utf8))
    }
    let context = cloud.context()
    let taken = try await cloud.glance.register("rbd://f/p/i/snap", digest: nil, for: FakeCloud.id, context: context)
    #expect(taken == .taken)
    let line = try #require(seen.with { $0.first })
    #expect(line.hasPrefix("/v2/images/\(FakeCloud.imageID) token-1 application/openstack-images-v2.1-json-patch "))
    #expect(line.contains("/locations/-") || line.contains(#"\/locations\/-"#))
    #expect(!line.contains("validation_data"))
    patched.with { $0 = 403 }
    let refused = try await cloud.glance.register("rbd://f/p/i/snap", digest: nil, for: FakeCloud.id, context: context)
    guard case .refused(let why) = refused else {
      Issue.record("taken")
      return
    }
    #expect(why.contains("HTTP \(status)") && why.contains("403") && !why.contains("<"))
  }

  @Test(
    "how far the service is with a location",
    arguments: [
      ("queued", "", RegistrationState.idle), ("queued", #","os_glance_import_task":"t""#, .underWay), ("importing", "", .underWay),
      ("active", "", .active), ("killed", "", .idle),
    ])
  func registration(_ status: String, _ more: String, _ expected: RegistrationState) async throws {
    let cloud = try FakeCloud { _ in FaultReply.json(#"{"id":"\#(FakeCloud.imageID)","status":"\#(status)"\#(more)}"#) }
    let state = try await cloud.glance.registration(of: FakeCloud.id, context: cloud.context())
    #expect(state == expected)
  }

  @Test("an image is made with the caller's token; an id that is taken is told, a wish that is not taken with the service's words")
  func create() async throws {
    let status = Locked(201)
    let seen = Locked<[String]>([])
    let cloud = try FakeCloud { ask in
      seen.with { $0.append("\(ask.request.method) \(ask.path) \(ask.token ?? "-") \(String(decoding: ask.request.body, as: UTF8.self))") }
      return FaultReply(status.with { $0 }, body: Array("<html><body>Property x is reserved</body></html>".utf8))
    }
    let image = NewImage(id: try FakeCloud.id, name: "n", diskFormat: "raw", visibility: "private", properties: ["k": "v"])
    let made = try await cloud.glance.create(image, token: Secret("callers"), context: cloud.context())
    #expect(made)
    let line = try #require(seen.with { $0.first })
    #expect(line.hasPrefix("POST /v2/images callers "))
    for word in [#""id":"\#(FakeCloud.imageID)""#, #""container_format":"bare""#, #""k":"v""#, #""visibility":"private""#] {
      #expect(line.contains(word))
    }
    status.with { $0 = 409 }
    let again = try await cloud.glance.create(image, context: cloud.context())
    #expect(!again)
    status.with { $0 = 400 }
    let error = await failure { try await cloud.glance.create(image, context: cloud.context()) }
    #expect(error?.code == .usage && error?.message.contains("Property x is reserved") == true)
  }

  @Test("bytes go out while they are written, all of them and in order, with their number and the store")
  func send() async throws {
    let got = Locked<FaultServer.Request?>(nil)
    let cloud = try FakeCloud { ask in
      got.with { $0 = ask.request }
      return FaultReply(204)
    }
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let body = UploadBody(length: Int64(bytes.count), capacity: 256 << 10)
    let context = cloud.context()
    async let sent: Void = cloud.glance.upload(body, to: FakeCloud.id, store: "ceph", token: Secret("callers"), context: context)
    try await write(bytes, to: body)
    body.finish()
    try await sent
    let request = try #require(got.with { $0 })
    #expect(request.method == "PUT" && request.path == "/image/v2/images/\(FakeCloud.imageID)/file")
    #expect(request.body == bytes)
    #expect(request.headers["x-image-meta-store"] == "ceph" && request.headers["x-openstack-image-size"] == "3000000")
    #expect(request.headers["content-type"] == "application/octet-stream" && request.headers["x-auth-token"] == "callers")
  }

  @Test("a service that refuses the bytes ends the writing, too; one that is given up by the writer gets no whole body")
  func refused() async throws {
    let cloud = try FakeCloud { _ in FaultReply(413, body: Array("quota".utf8)) }
    let body = UploadBody(length: 10)
    let context = cloud.context()
    let sent = Task { try await cloud.glance.upload(body, to: FakeCloud.id, store: nil, context: context) }
    try await write([UInt8](repeating: 1, count: 10), to: body)
    body.finish()
    let error = await failure { try await sent.value }
    #expect(error?.code == .noSpace && error?.message.contains("quota") == true)
    #expect(throws: HTTPError.self) { try [UInt8](repeating: 0, count: 1).withUnsafeBytes { try body.offer($0) } }

    let half = UploadBody(length: 10)
    let given = Task { try await cloud.glance.upload(half, to: FakeCloud.id, store: nil, context: context) }
    try await write([1, 2, 3], to: half)
    half.fail()
    let end = await failure { try await given.value }
    #expect(end?.code == .cancelled)
  }

  @Test("an image that is gone is no error to remove; one that is held says why", arguments: [(404, false), (204, true)])
  func delete(_ status: Int, _ expected: Bool) async throws {
    let cloud = try FakeCloud { _ in FaultReply(status) }
    let gone = try await cloud.glance.delete(FakeCloud.id, context: cloud.context())
    #expect(gone == expected)
    let held = try FakeCloud { _ in FaultReply(409, body: Array("Image could not be deleted because it is in use".utf8)) }
    let error = await failure { try await held.glance.delete(FakeCloud.id, context: held.context()) }
    #expect(error?.code == .inUse && error?.message.contains("in use") == true)
  }

  private func write(_ bytes: [UInt8], to body: UploadBody) async throws {
    for start in stride(from: 0, to: bytes.count, by: 50_000) {
      let piece = Array(bytes[start..<min(start + 50_000, bytes.count)])
      while try !piece.withUnsafeBytes({ try body.offer($0) }) { try await Task.sleep(for: .milliseconds(1)) }
    }
  }
}

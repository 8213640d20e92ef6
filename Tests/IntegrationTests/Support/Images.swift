import Foundation
import Runtime
import Testing

/// An image of Glance, and the file with its bytes.
struct Uploaded: Sendable {
  let id: String
  let name: String
  let file: String
  let document: JSON
}

/// Images in Glance for this run. What several tests read is uploaded once; everything goes when the process ends.
actor Images {
  static let shared = Images()
  private static let made = Locked<[String]>([])
  // One at a time: Glance's database here is SQLite, and answers 500 to writers that meet.
  private static let workers = WorkerPool(name: "images", threads: 1)
  private static let files = Lazy<Scratch>()
  private var uploads: [String: Task<Uploaded, any Error>] = [:]

  private init() {
    atexit { Images.removeAll() }
  }

  /// 20 MiB raw with holes, in the cluster's `images`; public, so that every token sees it.
  func raw() async throws -> Uploaded {
    try await once("raw") { scratch in
      let file = try scratch.sparse("raw", size: 20 << 20, runs: [(0, 70_000), (5 << 20, 3 << 20), (20 << 20 - 4096, 4096)], seed: 11)
      return try await Images.upload(file, format: "raw", "--visibility", "public")
    }
  }

  /// A qcow2 of 24 MiB virtual size with zstd-compressed clusters, in the cluster's `images`.
  func qcow2() async throws -> Uploaded {
    try await once("qcow2") { scratch in
      let raw = try scratch.sparse("qcow2.raw", size: 24 << 20, runs: [(65_536, 200_000), (9 << 20, 2 << 20)], seed: 12)
      let file = scratch.file("image.qcow2")
      try Command.run("qemu-img", ["convert", "-q", "-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd", raw, file])
        .requireSuccess()
      return try await Images.upload(file, format: "qcow2")
    }
  }

  /// 6 MiB raw in the store of files.
  func local() async throws -> Uploaded {
    try await once("local") { scratch in
      let file = try scratch.sparse("local", size: 6 << 20, runs: [(4096, 1 << 20), (5 << 20, 300_000)], seed: 13)
      return try await Images.upload(file, format: "raw", "--store", "local")
    }
  }

  /// 8 MiB raw in the second cluster.
  func second() async throws -> Uploaded {
    try await once("second") { scratch in
      let file = try scratch.sparse("second", size: 8 << 20, runs: [(0, 500_000), (7 << 20, 1 << 20)], seed: 14)
      return try await Images.upload(file, format: "raw", "--store", "ceph2")
    }
  }

  /// 3 MiB raw in two stores, the cluster's and that of files, with the digests that `verb` leaves it (`corrupt-hash`, `null-hash`, …).
  func twice(_ verb: String) async throws -> Uploaded {
    try await once("twice " + verb) { _ in
      let image = try await Images.fresh("--store", "ceph,local")
      try await Images.glance(verb, image.id)
      return image
    }
  }

  private func once(_ key: String, _ make: @escaping @Sendable (Scratch) async throws -> Uploaded) async throws -> Uploaded {
    if let running = uploads[key] { return try await running.value }
    let task = Task { try await make(try await Images.scratch()) }
    uploads[key] = task
    return try await task.value
  }

  /// The files of the images, which outlive any one test.
  static func scratch() async throws -> Scratch { try await files.get { try Scratch() } }

  /// A small raw image of this test alone: 3 MiB, random bytes and a hole.
  static func fresh(_ options: String..., format: String = "raw", seed: UInt64 = UInt64.random(in: 1...UInt64.max)) async throws -> Uploaded
  {
    let file = try await scratch().sparse(UUID().uuidString, size: 3 << 20, runs: [(0, 900_000), (2 << 20, 600_000)], seed: seed)
    return try await upload(file, format: format, options)
  }

  static func upload(_ file: String, format: String, _ options: String...) async throws -> Uploaded {
    try await upload(file, format: format, options)
  }

  private static func upload(_ file: String, format: String, _ options: [String]) async throws -> Uploaded {
    var (name, text) = ("", "")
    for attempt in 1... {
      name = "it-" + UUID().uuidString.lowercased()
      do {
        text = try await stack("image", ["--name", name, "--file", file, "--disk-format", format] + options)
        break
      } catch let error as CommandFailure where error.description.contains(": 500 ") && attempt < 4 {}  // others write, too
    }
    let document = try JSON(parsing: text)
    let id = try #require(document["id"].text)
    made.with { $0.append(id) }
    return Uploaded(id: id, name: name, file: file, document: document)
  }

  /// An image without data.
  static func queued(format: String = "raw") async throws -> String {
    let text = try await stack("glance", ["queue", "--name", "it-queued-" + UUID().uuidString, "--disk-format", format])
    let id = try #require(try JSON(parsing: text)["id"].text)
    made.with { $0.append(id) }
    return id
  }

  /// What becomes of an image: a verb of `Scripts/stack glance`.
  @discardableResult
  static func glance(_ words: String...) async throws -> String { try await stack("glance", words) }

  private static func stack(_ verb: String, _ words: [String]) async throws -> String {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../Scripts/stack").standardized
      .path
    let dir = try Stack.current().dir
    return try await workers.run { try Command.run(script, [verb, "--dir", dir] + words).requireSuccess().output }
  }

  /// A token of a user of the stack, scoped to a project.
  static func token(_ user: String, project: String) async throws -> String {
    let stack = try Stack.current()
    let body = """
      {"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"\(user)","domain":{"name":"Default"},\
      "password":"\(try stack.text("passwords", user))"}}},"scope":{"project":{"name":"\(project)","domain":{"name":"Default"}}}}}
      """
    let url = try stack.text("keystone") + "/auth/tokens"
    let answer = try await workers.run {
      try Command.run("curl", ["-s", "-S", "-f", "-o", "/dev/null", "-D", "-", "-H", "Content-Type: application/json", "-d", body, url])
        .requireSuccess().output
    }
    let line = try #require(answer.split(whereSeparator: \.isNewline).first { $0.lowercased().hasPrefix("x-subject-token:") })
    return line.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces)
  }

  /// At the end of the process, in one go.
  private static func removeAll() {
    let ids = made.with { $0 }
    files.present.map { try? FileManager.default.removeItem(atPath: $0.path) }
    guard !ids.isEmpty, let stack = try? Stack.current(), let glance = try? stack.text("glance") else { return }
    let token = Locked<String?>(nil)
    let done = Locked(false)
    Task {
      token.with { _ in }
      let value = try? await Images.token("admin", project: "admin")
      token.with { $0 = value }
      done.with { $0 = true }
    }
    let end = Date().addingTimeInterval(20)
    while !done.with({ $0 }), Date() < end { usleep(10_000) }
    guard let token = token.with({ $0 }) else { return }
    _ = try? Command.run("curl", ["-s", "-X", "DELETE", "-H", "X-Auth-Token: \(token)"] + ids.map { "\(glance)/v2/images/\($0)" })
  }
}

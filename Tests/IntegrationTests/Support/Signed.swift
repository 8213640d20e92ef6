import Foundation
import Runtime
import Testing

/// Keys, certificates and signatures that `openssl` makes, and the certificates' places in the real certificate service.
struct Signed: Sendable {
  let scratch: Scratch
  private static let workers = WorkerPool(name: "signed", threads: 2)
  // One at a time: Barbican's database here is SQLite, and answers 500 to writers that meet.
  private static let writer = WorkerPool(name: "secrets", threads: 1)
  private let stored = Shelf()

  /// What was stored: removed by `clear`, and by the process's end where a test failed before.
  private final class Shelf: Sendable {
    let secrets = Locked<[(url: String, token: String)]>([])

    func empty() {
      for (url, token) in secrets.with({ $0 }) {
        _ = try? Command.run("curl", ["-s", "-X", "DELETE", "-H", "X-Auth-Token: \(token)", url])
      }
      secrets.with { $0 = [] }
    }
    deinit { empty() }
  }

  init() throws {
    scratch = try Scratch()
  }

  /// A CA `NAME.pem`.
  func root(_ name: String) async throws {
    try await sh(
      """
      openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out \(name).key
      openssl req -x509 -new -key \(name).key -sha256 -days 30 -subj /CN=\(name) -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign -out \(name).pem
      """)
  }

  /// A certificate `NAME.pem` of a new RSA key, signed by a CA.
  func leaf(_ name: String, by issuer: String) async throws {
    try await sh(
      """
      openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out \(name).key
      openssl req -new -key \(name).key -subj /CN=\(name) -out \(name).csr
      openssl x509 -req -in \(name).csr -CA \(issuer).pem -CAkey \(issuer).key -set_serial 7 -sha256 -days 20 -out \(name).pem
      """)
  }

  /// Sets an image's four properties: a signature of `file` by the key of `name`, whose certificate has this id.
  func sign(_ image: String, _ file: String, by name: String, certificate id: String, hash: String = "SHA-256") async throws {
    let digest = hash.lowercased().replacingOccurrences(of: "-", with: "")
    let sig = "sig-" + UUID().uuidString
    try await sh(
      "openssl dgst -\(digest) -sign \(name).key -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max -out \(sig) '\(file)'")
    let signature = try Data(contentsOf: URL(fileURLWithPath: scratch.file(sig))).base64EncodedString()
    try await Images.glance(
      "set", image, "img_signature=\(signature)", "img_signature_hash_method=\(hash)", "img_signature_key_type=RSA-PSS",
      "img_signature_certificate_uuid=\(id)")
  }

  /// Stores `NAME.pem` as a certificate of a project; its uuid. As text it is handed out as a string.
  func store(_ name: String, token: String, type: String = "certificate", asText: Bool = false) async throws -> String {
    let pem = try Data(contentsOf: URL(fileURLWithPath: scratch.file(name + ".pem")))
    var secret = ["name": name, "secret_type": type, "payload_content_type": "application/octet-stream"]
    if asText {
      secret["payload"] = String(decoding: pem, as: UTF8.self)
      secret["payload_content_type"] = "text/plain"
    } else {
      secret["payload"] = pem.base64EncodedString()
      secret["payload_content_encoding"] = "base64"
    }
    let body = String(decoding: try JSONEncoder().encode(secret), as: UTF8.self)
    let url = try Stack.current().text("barbican") + "/v1/secrets"
    let words = ["-s", "-S", "-f", "-X", "POST", "-H", "X-Auth-Token: \(token)", "-H", "Content-Type: application/json", "-d", body, url]
    var answer = try await Self.writer.run { try Command.run("curl", words) }
    // Other runs may share the stack.
    for _ in 0..<5 where answer.status != 0 && answer.errors.contains(" 500") {
      answer = try await Self.writer.run { try Command.run("curl", words) }
    }
    try answer.requireSuccess()
    let place = try #require(try JSON(parsing: answer.output)["secret_ref"].text)
    let uuid = try #require(place.split(separator: "/").last).description
    stored.secrets.with { $0.append(("\(url)/\(uuid)", token)) }
    return uuid
  }

  /// What `openstack acl user add --user USER --operation-type read SECRET` does.
  func share(_ uuid: String, with user: String, token: String) async throws {
    let url = try Stack.current().text("barbican") + "/v1/secrets/\(uuid)/acl"
    let body = #"{"read":{"users":["\#(user)"],"project-access":true}}"#
    try await Self.writer.run {
      _ = try Command.run(
        "curl", ["-s", "-S", "-f", "-X", "PUT", "-H", "X-Auth-Token: \(token)", "-H", "Content-Type: application/json", "-d", body, url]
      ).requireSuccess()
    }
  }

  /// Removes what this one stored.
  func clear() async throws {
    try await Self.writer.run { [stored] in stored.empty() }
  }

  /// Runs a shell script in the directory.
  func sh(_ script: String) async throws {
    let directory = scratch.path
    _ = try await Self.workers.run { try Command.run("sh", ["-e", "-c", "cd '\(directory)'\n" + script], seconds: 300).requireSuccess() }
  }
}

import Crypto
import Foundation
import HTTPClient
import ImageTrust
import Logging
import Model
import OpenStack
import Runtime
import Testing

/// The images, signatures and certificates of all cases, made once, and what cursive and we say of them, asked once.
final class CursiveBed: Sendable {
  // A failure is kept, too: it is that of all cases.
  private static let made = Lazy<Result<CursiveBed, any Error>>()
  private static let workers = WorkerPool(name: "cursive", threads: 1)

  static func shared() async throws -> CursiveBed {
    try await made.get {
      do { return .success(try await CursiveBed()) } catch { return .failure(error) }
    }.get()
  }

  /// Case → verdict and reason, as `judge.py` tells them.
  let theirs: JSON
  /// Case → the error; nil for what was verified.
  let ours: [String: SlipwayError?]

  private init() async throws {
    let stack = try Stack.current()
    let signed = try Signed()
    try await signed.sh(CursiveCase.script)
    let token = try await Images.token("agent", project: "service")
    let uuids = try await Self.store(signed, token)
    let properties = try Dictionary(uniqueKeysWithValues: CursiveCase.all.map { ($0.name, try Self.properties($0, signed, uuids)) })
    theirs = try await Self.ask(signed, stack, token, uuids, properties)
    let cloud = try CloudFiles(environment: ["OS_CLIENT_CONFIG_FILE": stack.clouds ?? ""]).load("slipway")
    let glance = GlanceClient(cloud: cloud, http: HTTPClient(settings: cloud.httpSettings()))
    let source = Source(client: BarbicanClient(beside: glance), token: Secret(token))
    var ours: [String: SlipwayError?] = [:]
    for one in CursiveCase.all {
      ours[one.name] = try await Self.judge(one, properties[one.name] ?? [:], source, signed, uuids)
    }
    self.ours = ours
    try await signed.clear()
  }

  // MARK: What both are asked

  /// Stores every secret that a case names; secret → uuid.
  private static func store(_ signed: Signed, _ token: String) async throws -> [String: String] {
    var uuids: [String: String] = [:]
    let other = try await Images.token("demo", project: "demo")
    for secret in Set(CursiveCase.all.flatMap { [$0.secret ?? $0.signer] + $0.trusted }) {
      let form = secret.split(separator: "/").dropFirst().first
      uuids[secret] =
        switch form {
        case "absent": UUID().uuidString.lowercased()
        case "theirs": try await signed.store("secp384r1", token: other)
        case "opaque": try await signed.store("secp384r1", token: token, type: "opaque")
        case "text": try await signed.store("secp384r1", token: token, asText: true)
        case .some(let form): try await signed.store("form-\(form)", token: token)
        case nil: try await signed.store(secret, token: token)
        }
    }
    return uuids
  }

  private static func properties(_ one: CursiveCase, _ signed: Signed, _ uuids: [String: String]) throws -> [String: String] {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: signed.scratch.file(one.signatureFile))))
    var found = [
      "img_signature": one.text(Data(one.bytes(bytes)).base64EncodedString()), "img_signature_hash_method": one.hash,
      "img_signature_key_type": one.type, "img_signature_certificate_uuid": uuids[one.secret ?? one.signer] ?? "",
    ]
    for (key, value) in one.properties { found[key] = value }
    return found
  }

  // MARK: Theirs

  private struct Question: Encodable {
    struct Case: Encodable {
      let name: String
      let file: String
      let properties: [String: String]
      let trusted: [String]
    }
    let barbican: String
    let token: String
    let cases: [Case]
  }

  private static func ask(
    _ signed: Signed, _ stack: Stack, _ token: String, _ uuids: [String: String], _ properties: [String: [String: String]]
  ) async throws -> JSON {
    let cases = CursiveCase.all.map { one in
      Question.Case(
        name: one.name, file: signed.scratch.file(one.file), properties: properties[one.name] ?? [:],
        trusted: one.trusted.compactMap { uuids[$0] })
    }
    let question = Question(barbican: try stack.text("barbican"), token: token, cases: cases)
    let file = signed.scratch.file("question.json")
    try JSONEncoder().encode(question).write(to: URL(fileURLWithPath: file))
    let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../Scripts").standardized.path
    return try await workers.run {
      let words = ["-c", "exec '\(scripts)/stack' python '\(scripts)/stack.d/judge.py' < '\(file)'"]
      return try JSON(parsing: try Command.run("sh", words, seconds: 300).requireSuccess().output)
    }
  }

  // MARK: Ours

  /// The certificate service, each certificate asked for once.
  private actor Source: CertificateSource {
    let client: BarbicanClient
    let token: Secret
    private var known: [CertificateID: Certificate] = [:]

    init(client: BarbicanClient, token: Secret) { (self.client, self.token) = (client, token) }

    func certificate(_ id: CertificateID, context: RequestContext) async throws -> Certificate {
      if let found = known[id] { return found }
      let payload = try await client.certificate(id.text, token: token, context: context)
      let found = try Certificate.named(id, pem: payload, from: "Barbican")
      known[id] = found
      return found
    }
  }

  private static func judge(
    _ one: CursiveCase, _ properties: [String: String], _ source: Source, _ signed: Signed, _ uuids: [String: String]
  ) async throws -> SlipwayError? {
    let context = RequestContext(logger: Logger(label: "cursive") { _ in SwiftLogNoOpLogHandler() }, deadline: .after(.seconds(60)))
    do {
      let signature = try #require(try ImageSignature.parse(properties, of: one.name))
      let verifier = try await SignatureVerifier.prepare(
        signature, of: one.name, from: source, trusted: try CertificateID.trusted(one.trusted.compactMap { uuids[$0] }),
        keys: KeyPolicy(), context: context)
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: signed.scratch.file(one.file))))
      _ = try verifier.judge(try Digest.of(bytes, verifier.algorithm))
      return nil
    } catch let error as SlipwayError {
      return error
    }
  }
}

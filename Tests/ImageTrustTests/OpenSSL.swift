import Foundation
import Runtime
import Testing

/// Fixtures that `openssl` makes, in one directory for the whole run: keys and certificates once, signatures as they are asked for.
final class OpenSSL: Sendable {
  let directory: String
  private let made = Locked<Set<String>>([])

  static let shared = Result { try OpenSSL() }
  static func bench() throws -> OpenSSL { try shared.get() }

  private init() throws {
    directory = NSTemporaryDirectory() + "slipway-trust-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    var bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    bytes += [UInt8](repeating: 0, count: 100_000)
    try Data(bytes).write(to: URL(fileURLWithPath: path("image")))
    atexit { if let bench = try? OpenSSL.shared.get() { try? FileManager.default.removeItem(atPath: bench.directory) } }
  }

  func path(_ name: String) -> String { directory + "/" + name }
  func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path(name)))) }

  /// Runs a shell script in the directory, on a thread that no other test needs.
  func sh(_ script: String) async throws {
    let (directory, log) = (directory, path("log-" + UUID().uuidString))
    try await Self.workers.run {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-e", "-c", script]
      process.currentDirectoryURL = URL(fileURLWithPath: directory)
      _ = FileManager.default.createFile(atPath: log, contents: nil)
      process.standardOutput = FileHandle(forWritingAtPath: log)
      process.standardError = FileHandle(forWritingAtPath: log)
      try process.run()
      process.waitUntilExit()
      guard process.terminationStatus == 0 else {
        throw Failure(description: "openssl: \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
      }
    }
  }
  private static let workers = WorkerPool(name: "openssl", threads: 1)

  struct Failure: Error, CustomStringConvertible { let description: String }

  /// Runs a script once per name. One test at a time does so (`OpenSSLTests`).
  private func once(_ name: String, _ script: String) async throws {
    guard made.with({ $0.insert(name).inserted }) else { return }
    try await sh(script)
  }

  /// A key `KIND.key`: `rsa2048`, `rsa1025`, `dsa`, or a curve's name.
  func key(_ kind: String, as name: String? = nil) async throws -> String {
    let name = name ?? kind
    let make =
      if kind.hasPrefix("rsa") {
        "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:\(kind.dropFirst(3)) -out \(name).key"
      } else if kind == "dsa" {
        """
        openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:2048 -pkeyopt dsa_paramgen_q_bits:256 -out \(name).par
        openssl genpkey -paramfile \(name).par -out \(name).key
        """
      } else if kind == "ed25519" {
        "openssl genpkey -algorithm ED25519 -out \(name).key"
      } else {
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:\(kind) -pkeyopt ec_param_enc:named_curve -out \(name).key"
      }
    try await once("key " + name, make)
    return name + ".key"
  }

  /// A self-signed certificate of a key that is no CA, `NAME.pem`: what images are signed with where nobody asks for a chain.
  func certificate(_ kind: String) async throws -> [UInt8] {
    let key = try await key(kind)
    try await once(
      "cert " + kind,
      """
      openssl req -x509 -new -key \(key) -sha256 -days 365 -subj /CN=\(kind) -addext basicConstraints=critical,CA:FALSE \
      -addext keyUsage=critical,digitalSignature -out \(kind).pem
      """)
    return try bytes(kind + ".pem")
  }

  /// A CA `NAME.pem`, self-signed.
  func root(
    _ name: String, kind: String = "rsa2048", extensions: String = "critical,CA:TRUE", usage: String? = "critical,keyCertSign",
    days: Int = 30
  )
    async throws
  {
    let key = try await key(kind, as: name)
    let usage = usage.map { "-addext keyUsage=\($0)" } ?? ""
    try await once(
      "cert " + name,
      "openssl req -x509 -new -key \(key) -days \(days) -subj /CN=\(name) -addext basicConstraints=\(extensions) \(usage) -out \(name).pem")
  }

  /// A certificate `NAME.pem` over its own key, signed by `issuer`. `subject` else than its name makes cross-signed ones.
  func signed(
    _ name: String, by issuer: String, kind: String = "rsa2048", key: String? = nil, subject: String? = nil,
    ca: String? = "critical,CA:TRUE",
    usage: String? = "critical,keyCertSign", days: Int = 20, options: String = "-sha256"
  ) async throws {
    let keyFile: String
    if let key { keyFile = key + ".key" } else { keyFile = try await self.key(kind, as: name) }
    var extensions = ""
    if let ca { extensions += "basicConstraints=\(ca)\\n" }
    if let usage { extensions += "keyUsage=\(usage)\\n" }
    try await once(
      "cert " + name,
      """
      printf '\(extensions)' > \(name).ext
      openssl req -new -key \(keyFile) -subj /CN=\(subject ?? name) -out \(name).csr
      openssl x509 -req -in \(name).csr -CA \(issuer).pem -CAkey \(issuer).key -set_serial 0x$(openssl rand -hex 8) \(options) -days \(days) \
      -extfile \(name).ext -out \(name).pem
      """)
  }

  /// The signature of the image by a key, made by `openssl dgst`.
  func sign(_ kind: String, _ hash: String, _ options: String = "") async throws -> [UInt8] {
    let key = try await key(kind)
    let out = "sig-" + UUID().uuidString
    let pss = kind.hasPrefix("rsa") && options.isEmpty ? "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max" : options
    try await sh("openssl dgst -\(hash) -sign \(key) \(pss) -out \(out) image")
    return try bytes(out)
  }
}

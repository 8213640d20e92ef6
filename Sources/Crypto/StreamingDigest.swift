internal import COpenSSL
public import Model
internal import Runtime

/// A digest over bytes that come one block after the other. Implements `EVP_DigestInit_ex2`, `EVP_DigestUpdate`, `EVP_DigestFinal_ex`.
///
/// Sendable: the context is only touched under a lock. The order of the blocks is the caller's affair, so one thread at a time feeds it.
public final class StreamingDigest: Sendable {
  private struct Context: @unchecked Sendable {
    // Sendable by proof: the pointer is touched only inside the `Locked` that owns it, and freed once, in deinit.
    var pointer: OpaquePointer?
  }

  /// The algorithm.
  public let algorithm: DigestAlgorithm
  private let context: Locked<Context>

  /// A digest of nothing yet. Throws `configuration` when this host's OpenSSL refuses the algorithm (md5 under FIPS), `internal` when there is
  /// no memory.
  public init(_ algorithm: DigestAlgorithm) throws(SlipwayError) {
    guard let type = EVP_MD_fetch(nil, Self.name(algorithm), nil) else {
      let reason = OpenSSLErrors.take()
      throw SlipwayError(
        .configuration, "this host's OpenSSL refuses \(algorithm.rawValue)\(reason)", object: algorithm.rawValue,
        hint: "give the image a stronger digest, or change the host's crypto policy")
    }
    // The context keeps its own reference.
    defer { EVP_MD_free(type) }
    guard let pointer = EVP_MD_CTX_new() else { throw SlipwayError(.internalError, "no memory for a digest") }
    guard EVP_DigestInit_ex2(pointer, type, nil) == 1 else {
      EVP_MD_CTX_free(pointer)
      throw SlipwayError(.configuration, "this host's OpenSSL cannot start \(algorithm.rawValue)\(OpenSSLErrors.take())")
    }
    self.algorithm = algorithm
    context = Locked(Context(pointer: pointer))
  }

  deinit {
    context.with { context in
      EVP_MD_CTX_free(context.pointer)
      context.pointer = nil
    }
  }

  /// Takes the next bytes. Throws `internal` after `finalize`.
  public func update(_ bytes: UnsafeRawBufferPointer) throws(SlipwayError) {
    try context.with { context throws(SlipwayError) in try Self.feed(context, bytes, algorithm) }
  }

  /// Takes the next bytes; as above.
  public func update(_ bytes: [UInt8]) throws(SlipwayError) {
    do {
      try bytes.withUnsafeBytes { try update($0) }
    } catch let error as SlipwayError {
      throw error
    } catch { throw SlipwayError.wrap(error) }
  }

  /// Takes `count` zero bytes, without memory of that size. Throws `internal` after `finalize`.
  public func zeros(_ count: Int64) throws(SlipwayError) {
    try context.with { context throws(SlipwayError) in
      var left = count
      while left > 0 {
        let block = Int(min(left, Int64(ZeroBlock.size)))
        try Self.feed(context, UnsafeRawBufferPointer(start: ZeroBlock.shared.start, count: block), algorithm)
        left -= Int64(block)
      }
    }
  }

  /// The digest of all that was taken. Once only: throws `internal` when called again.
  public func finalize() throws(SlipwayError) -> Digest {
    var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    let done = context.with { context -> Bool in
      guard let pointer = context.pointer else { return false }
      let code = EVP_DigestFinal_ex(pointer, &bytes, &length)
      EVP_MD_CTX_free(pointer)
      context.pointer = nil
      return code == 1
    }
    guard done, let digest = Digest(algorithm, bytes: Array(bytes.prefix(Int(length)))) else {
      throw SlipwayError(.internalError, "the \(algorithm.rawValue) digest could not be finished\(OpenSSLErrors.take())")
    }
    return digest
  }

  private static func feed(_ context: Context, _ bytes: UnsafeRawBufferPointer, _ algorithm: DigestAlgorithm) throws(SlipwayError) {
    guard let pointer = context.pointer else {
      throw SlipwayError(.internalError, "the \(algorithm.rawValue) digest was used after it was finished")
    }
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    guard EVP_DigestUpdate(pointer, base, bytes.count) == 1 else {
      throw SlipwayError(.internalError, "the \(algorithm.rawValue) digest failed\(OpenSSLErrors.take())")
    }
  }

  /// OpenSSL's name of the algorithm.
  static func name(_ algorithm: DigestAlgorithm) -> String {
    switch algorithm {
    case .md5: "MD5"
    case .sha1: "SHA1"
    case .sha224: "SHA2-224"
    case .sha256: "SHA2-256"
    case .sha384: "SHA2-384"
    case .sha512: "SHA2-512"
    }
  }
}

/// 64 KiB of zeros, which stay in the processor's cache.
struct ZeroBlock: @unchecked Sendable {
  // Sendable by proof: written once, in the initialiser of a static constant, only read afterwards, never freed.
  static let size = 64 << 10
  static let shared = ZeroBlock()
  let start: UnsafeRawPointer

  private init() {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: ZeroBlock.size, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: ZeroBlock.size)
    start = UnsafeRawPointer(memory)
  }
}

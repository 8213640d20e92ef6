internal import COpenSSL
public import Model
internal import Runtime

/// A keyed 128-bit hash of numbered blocks (AES-128-GMAC, the number as its nonce): with a random key no accident escapes it, at several times the
/// speed of SHA-256. It proves nothing against someone who knows the key and may write.
///
/// Implements `EVP_EncryptInit_ex`, `EVP_EncryptUpdate` (associated data alone), `EVP_EncryptFinal_ex`, `EVP_CIPHER_CTX_ctrl`. Sendable: the context is
/// only touched under a lock; one thread at a time feeds it.
public final class BlockHash: Sendable {
  private struct Context: @unchecked Sendable {
    // Sendable by proof: the pointer is touched only inside the `Locked` that owns it, and freed once, in deinit.
    let pointer: OpaquePointer
  }

  /// Length of a key in bytes.
  public static let keyLength = 16
  /// Length of a hash in bytes.
  public static let length = 16

  private let context: Locked<Context>

  /// Throws `usage` for a key of another length, `internal` when OpenSSL cannot.
  public init(key: [UInt8]) throws(SlipwayError) {
    guard key.count == BlockHash.keyLength else { throw SlipwayError(.usage, "a block hash has a key of \(BlockHash.keyLength) bytes") }
    guard let pointer = EVP_CIPHER_CTX_new() else { throw SlipwayError(.internalError, "no memory for a block hash") }
    guard EVP_EncryptInit_ex(pointer, EVP_aes_128_gcm(), nil, key, nil) == 1 else {
      EVP_CIPHER_CTX_free(pointer)
      throw SlipwayError(.internalError, "this host's OpenSSL has no AES-GCM\(OpenSSLErrors.take())")
    }
    context = Locked(Context(pointer: pointer))
  }

  deinit { context.with { EVP_CIPHER_CTX_free($0.pointer) } }

  /// Begins the block with this number.
  public func begin(_ number: UInt64) throws(SlipwayError) {
    // 96 bits, as GCM likes its nonces.
    var nonce: [UInt8] = [0, 0, 0, 0]
    for shift in stride(from: 56, through: 0, by: -8) { nonce.append(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    try check(context.with { EVP_EncryptInit_ex($0.pointer, nil, nil, nil, nonce) })
  }

  /// Takes the block's next bytes.
  public func update(_ bytes: UnsafeRawBufferPointer) throws(SlipwayError) {
    guard let base = bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count > 0 else { return }
    var length: Int32 = 0
    try check(context.with { EVP_EncryptUpdate($0.pointer, nil, &length, base, Int32(bytes.count)) })
  }

  /// Takes `count` zero bytes.
  public func zeros(_ count: Int) throws(SlipwayError) {
    var left = count
    while left > 0 {
      let part = min(left, ZeroBlock.size)
      try update(UnsafeRawBufferPointer(start: ZeroBlock.shared.start, count: part))
      left -= part
    }
  }

  /// The hash of the block.
  public func finish() throws(SlipwayError) -> [UInt8] {
    var length: Int32 = 0
    var tag = [UInt8](repeating: 0, count: BlockHash.length)
    try check(
      context.with { context in
        var rest: UInt8 = 0
        guard EVP_EncryptFinal_ex(context.pointer, &rest, &length) == 1 else { return 0 }
        return EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_GET_TAG, Int32(BlockHash.length), &tag)
      })
    return tag
  }

  private func check(_ code: Int32) throws(SlipwayError) {
    guard code == 1 else { throw SlipwayError(.internalError, "a block hash failed\(OpenSSLErrors.take())") }
  }
}

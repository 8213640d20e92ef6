internal import COpenSSL
public import Model
internal import Runtime

/// Keyed 128-bit sums of numbered blocks, made of their 64 KiB units in whatever order those come: with a random key no accident escapes them, at
/// several times the speed of SHA-256. They prove nothing against someone who knows the key and may write.
///
/// The hash of a unit is AES-128-GMAC, with the unit's number as its nonce and the unit, filled up with zeros, as associated data, encrypted once more
/// with AES-128: what differs in two units alike, or lies in each other's place, does not cancel out in the sum (exclusive or). A unit of zeros counts
/// nothing, so that a hole and zeros are the same.
///
/// Implements `EVP_EncryptInit_ex`, `EVP_EncryptUpdate` (associated data alone; ECB without padding), `EVP_EncryptFinal_ex`, `EVP_CIPHER_CTX_ctrl`.
/// Sendable: the contexts are only touched under a lock; one thread at a time feeds it.
public final class BlockHash: Sendable {
  /// The sum of some units: exclusive or.
  public typealias Sum = SIMD2<UInt64>

  private struct Context: @unchecked Sendable {
    // Sendable by proof: the pointers are touched only inside the `Locked` that owns them, and freed once, in deinit.
    let mac: OpaquePointer
    let cipher: OpaquePointer
    /// 96 bits, as GCM likes its nonces.
    var nonce = [UInt8](repeating: 0, count: 12)
    var tag = [UInt8](repeating: 0, count: BlockHash.length)
    var hash = [UInt8](repeating: 0, count: BlockHash.length)
  }

  /// Length of a key in bytes.
  public static let keyLength = 16
  /// Length of a sum in bytes.
  public static let length = 16
  /// Bytes in a unit.
  public static let unit = 65536

  private let context: Locked<Context>

  /// Throws `usage` for a key of another length, `internal` when OpenSSL cannot.
  public init(key: [UInt8]) throws(SlipwayError) {
    guard key.count == BlockHash.keyLength else { throw SlipwayError(.usage, "a block hash has a key of \(BlockHash.keyLength) bytes") }
    guard let mac = EVP_CIPHER_CTX_new() else { throw SlipwayError(.internalError, "no memory for a block hash") }
    guard let cipher = EVP_CIPHER_CTX_new() else {
      EVP_CIPHER_CTX_free(mac)
      throw SlipwayError(.internalError, "no memory for a block hash")
    }
    guard EVP_EncryptInit_ex(mac, EVP_aes_128_gcm(), nil, key, nil) == 1, EVP_EncryptInit_ex(cipher, EVP_aes_128_ecb(), nil, key, nil) == 1,
      EVP_CIPHER_CTX_set_padding(cipher, 0) == 1
    else {
      EVP_CIPHER_CTX_free(mac)
      EVP_CIPHER_CTX_free(cipher)
      throw SlipwayError(.internalError, "this host's OpenSSL has no AES-GCM\(OpenSSLErrors.take())")
    }
    context = Locked(Context(mac: mac, cipher: cipher))
  }

  deinit {
    context.with {
      EVP_CIPHER_CTX_free($0.mac)
      EVP_CIPHER_CTX_free($0.cipher)
    }
  }

  /// The sum of the units in `bytes`, whose first one has this number; the last one may be cut short.
  public func sum(of bytes: UnsafeRawBufferPointer, from number: UInt64) throws(SlipwayError) -> Sum {
    let sum = context.with { context -> Sum? in
      var sum = Sum()
      var (offset, number) = (0, number)
      while offset < bytes.count {
        let unit = UnsafeRawBufferPointer(rebasing: bytes[offset..<min(offset + BlockHash.unit, bytes.count)])
        if !unit.isZero {
          guard let hash = BlockHash.hash(of: unit, number, &context) else { return nil }
          sum ^= hash
        }
        offset += unit.count
        number += 1
      }
      return sum
    }
    guard let sum else { throw SlipwayError(.internalError, "a block hash failed\(OpenSSLErrors.take())") }
    return sum
  }

  private static func hash(of unit: UnsafeRawBufferPointer, _ number: UInt64, _ context: inout Context) -> Sum? {
    guard let base = unit.bindMemory(to: UInt8.self).baseAddress else { return Sum() }
    for index in 0..<8 { context.nonce[11 - index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
    let zeros = ZeroBlock.shared.start.assumingMemoryBound(to: UInt8.self)
    var length: Int32 = 0
    guard EVP_EncryptInit_ex(context.mac, nil, nil, nil, context.nonce) == 1,
      EVP_EncryptUpdate(context.mac, nil, &length, base, Int32(unit.count)) == 1,
      unit.count == BlockHash.unit || EVP_EncryptUpdate(context.mac, nil, &length, zeros, Int32(BlockHash.unit - unit.count)) == 1,
      EVP_EncryptFinal_ex(context.mac, &context.hash, &length) == 1,
      EVP_CIPHER_CTX_ctrl(context.mac, EVP_CTRL_AEAD_GET_TAG, Int32(BlockHash.length), &context.tag) == 1,
      EVP_EncryptUpdate(context.cipher, &context.hash, &length, context.tag, Int32(BlockHash.length)) == 1
    else { return nil }
    return context.hash.withUnsafeBytes { $0.loadUnaligned(as: Sum.self) }
  }
}

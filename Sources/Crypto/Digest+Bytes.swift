public import Model

extension Digest {
  /// The digest of bytes that lie in memory. Throws as `StreamingDigest`.
  public static func of(_ bytes: [UInt8], _ algorithm: DigestAlgorithm) throws(SlipwayError) -> Digest {
    let digest = try StreamingDigest(algorithm)
    try digest.update(bytes)
    return try digest.finalize()
  }
}

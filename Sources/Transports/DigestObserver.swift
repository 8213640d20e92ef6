internal import Crypto
public import Model
public import Transfer

/// Takes one digest of the stored bytes as they pass.
public final class DigestObserver: Observer {
  private let digest: StreamingDigest

  /// An observer for one algorithm. Throws `internal` where the machine's OpenSSL refuses it.
  public init(_ algorithm: DigestAlgorithm) throws { digest = try StreamingDigest(algorithm) }

  public func update(_ bytes: UnsafeRawBufferPointer) throws { try digest.update(bytes) }
  public func zeros(_ count: Int64) throws { try digest.zeros(count) }

  /// The digest of all that was seen; once, after the transfer.
  public func result() throws -> Digest { try digest.finalize() }
}

internal import Crypto
internal import ImageTrust
public import Model
public import OpenStack

/// Why an image is wanted: a base of a deleted image still serves what already has disks.
public enum Purpose: String, Sendable, Hashable, CaseIterable {
  case boot, migrate, evacuate, rescue, unshelve

  /// Whether a base that is here may serve although the image is deleted.
  public var survivesDeletion: Bool { self != .boot }
}

/// Which image is wanted, and by whom.
public struct ImageRequest: Sendable {
  /// The image.
  public var reference: ImageReference
  /// The format of the bytes at a typed location; never guessed.
  public var diskFormat: String?
  /// A digest that the stored bytes must have.
  public var digest: Digest?
  /// The caller's token, with which visibility is asked; nil asks with our own credentials.
  public var token: Secret?
  /// Why it is wanted.
  public var purpose: Purpose
  /// Ids of trusted certificates, with which a signature is required whose certificate has a chain of them; none leaves both to the configuration.
  public var trusted: [String]
  /// The tier of bases in which one is made where none lies in any; nil for the one that the rules of the configuration name.
  public var tier: String?

  /// A request.
  public init(
    reference: ImageReference, diskFormat: String? = nil, digest: Digest? = nil, token: Secret? = nil, purpose: Purpose = .boot,
    trusted: [String] = [], tier: String? = nil
  ) {
    self.reference = reference
    self.diskFormat = diskFormat
    self.digest = digest
    self.token = token
    self.purpose = purpose
    self.trusted = trusted
    self.tier = tier
  }
}

/// An image that the caller may use, and how it was named.
struct ResolvedImage: Sendable {
  var description: ImageDescription
  /// An administrator typed the location; no image service is involved.
  var typed: Bool
  /// The digest that the request demands.
  var digest: Digest?
  var token: Secret?
  /// Its signature; nil when it has none.
  var signature: ImageSignature?
  /// The certificates that the request trusts.
  var trusted: [String] = []
  /// The tier of bases that the request asks for.
  var tier: String?
  /// The rule of policy that holds for it.
  var rule = EffectiveRule()
  /// The format that it was claimed to have, where it is read as another one.
  var claimed: String?
  /// Whether its bytes are those of a base somewhere, which knows an ISO as the raw that it was kept as.
  var isCopy = false
  /// What answers and records call it: the id, or the location without credentials.
  var key: String { description.id?.text ?? description.locations.first?.description ?? description.label }

  /// What tells this image from every other one in a disk's record: the key, and where that hides a part of the URL, a mark of the whole.
  var requestKey: String {
    guard typed, let url = description.locations.first?.url, url != key, let mark = try? Digest.of(Array(url.utf8), .sha256).hex else {
      return key
    }
    return "\(key)#\(mark.prefix(16))"
  }

  /// Whether its signature makes it unnecessary to compare another digest of the same bytes.
  var isCovered: Bool {
    guard rule.demands.signatureCoversDigest, let signature else { return false }
    return !expectations.contains { $0.digest.algorithm == signature.hash.algorithm }
  }

  /// The digests that are computed and compared: every one, but where the signature covers the bytes only those that the request itself names.
  var compared: [(digest: Digest, from: String)] {
    isCovered ? digest.map { [($0, "request")] } ?? [] : expectations
  }

  /// Every digest that the stored bytes must have, with who said so; the image's own strong one first. md5 counts only where there is no better.
  var expectations: [(digest: Digest, from: String)] {
    var list: [(Digest, String)] = []
    if let digest = description.digest { list.append((digest, "os_hash")) }
    if let digest, !list.contains(where: { $0.0 == digest }) { list.append((digest, "request")) }
    let isStrong = list.contains { $0.0.algorithm.isStrong }
    if !isStrong, let checksum = description.checksum, !list.contains(where: { $0.0 == checksum }) { list.append((checksum, "checksum")) }
    return list
  }
}

/// What became of asking for an image.
enum Resolution: Sendable {
  case image(ResolvedImage)
  /// The image is deleted, or its service is down and configuration allows it: only a base that is here already may serve.
  case cachedOnly(ImageID, SlipwayError)
}

public import Model

extension Configuration {
  /// What must be known about bytes.
  public struct Trust: Sendable, Hashable {
    /// Where certificates come from.
    public enum Certificates: String, Sendable, Hashable {
      case barbican, directory
    }

    /// What is demanded where no rule says otherwise: every question has an answer.
    public var defaults: Rule
    /// What is demanded otherwise, in the file's order; no two about the same owner and store.
    public var rules: [Rule]
    /// Where certificates come from.
    public var certificates: Certificates
    /// The directory of certificates.
    public var certificatesPath: String
    /// Ids of trusted certificates.
    public var trusted: [String]

    init(_ reader: Reader) throws(SlipwayError) {
      defaults = try Rule(Reader { reader.value("trust.\($0)") })
      var rules: [Rule] = []
      for mapping in try reader.mappings("trust.rules") { rules.append(try Rule(mapping)) }
      self.rules = rules
      certificates = try reader.word("trust.certificates")
      certificatesPath = try reader.string("trust.certificates_path")
      trusted = try reader.strings("trust.trusted")
    }

    /// What an operator should know who made it lax, with the key that does.
    public var warnings: [String] {
      var found: [String] = []
      func add(_ place: String, _ rule: Rule) {
        if let signature = rule.signature, let warning = signature.warning {
          found.append("\(place)signature: \(signature.rawValue): \(warning)")
        }
        if let clone = rule.clone, let warning = clone.warning { found.append("\(place)clone: \(clone.rawValue): \(warning)") }
      }
      add("trust.", defaults)
      for rule in rules { add("trust.rules (\(rule.subject)): ", rule) }
      return found
    }
  }
}

extension Configuration.Trust {
  /// What is demanded of some images; nil leaves a question to the next rule.
  public struct Rule: Sendable, Hashable {
    /// Id of the project whose images it is about, nil for any.
    public var owner: String?
    /// The image service's store, nil for any.
    public var store: String?
    /// Whether an image must be signed.
    public var signature: SignatureRequirement?
    /// Whether a digest must be known.
    public var digest: DigestRequirement?
    /// What is verified before a clone is handed out.
    public var clone: CloneVerification?
    /// The smallest keys, in bits.
    public var minimumRSABits: Int?
    public var minimumDSABits: Int?
    /// Types of keys, in the words of `img_signature_key_type`.
    public var keyTypes: [String]?
    /// Disk formats, in the image service's words.
    public var formats: [String]?
    /// Kinds of VMDK.
    public var vmdkSubformats: [String]?
    /// The most bytes that a guest may see, 0 for no limit.
    public var maximumVirtualSize: ByteCount?
    /// Whether a signature makes a digest of another algorithm unnecessary.
    public var signatureCoversDigest: Bool?

    init(_ reader: Reader) throws(SlipwayError) {
      owner = try reader.optionalString("owner")
      store = try reader.optionalString("store")
      signature = try reader.optionalWord("signature")
      digest = try reader.optionalWord("digest")
      clone = try reader.optionalWord("clone")
      minimumRSABits = try reader.optionalInt("min_rsa_bits")
      minimumDSABits = try reader.optionalInt("min_dsa_bits")
      keyTypes = try reader.optionalStrings("key_types")
      formats = try reader.optionalStrings("formats")
      vmdkSubformats = try reader.optionalStrings("vmdk_subformats")
      maximumVirtualSize = try reader.optional("max_virtual_size") { path throws(SlipwayError) in try reader.size(path) }
      signatureCoversDigest = try reader.optional("signature_covers_digest") { path throws(SlipwayError) in try reader.bool(path) }
    }

    /// Which images it is about, in a sentence.
    var subject: String {
      [owner.map { "owner \($0)" }, store.map { "store \($0)" }].compactMap { $0 }.joined(separator: ", ")
    }
  }
}

public import Model

extension Configuration {
  /// What leaves the store. Durations of 0 switch off.
  public struct Clean: Sendable, Hashable {
    /// How much stays free.
    public enum Free: Sendable, Hashable {
      case bytes(ByteCount)
      /// 1 to 99.
      case percent(Int)
    }

    /// Time between cleanings; zero is never.
    public var every: Duration
    /// Unused for this long may go.
    public var unusedFor: Duration
    /// Younger than this stays.
    public var minAge: Duration
    /// Limit of the store, nil for none.
    public var maxBytes: ByteCount?
    /// What stays free of the file system.
    public var minFree: Free
    /// Limit on the number of bases, 0 for none.
    public var maxCount: Int
    /// In quarantine for longer goes.
    public var quarantine: Duration

    init(_ reader: Reader) throws(SlipwayError) {
      every = try reader.duration("clean.every")
      unusedFor = try reader.duration("clean.unused_for")
      minAge = try reader.duration("clean.min_age")
      maxBytes = try reader.limit("clean.max_bytes")
      switch reader.value("clean.min_free") {
      case .percent(let percent): minFree = .percent(Int(percent))
      case .size(let size, _): minFree = .bytes(size)
      default: throw reader.mismatch("clean.min_free")
      }
      maxCount = try reader.int("clean.max_count")
      quarantine = try reader.duration("clean.quarantine")
    }
  }

  /// Reading bases again.
  public struct Scrub: Sendable, Hashable {
    /// Within this every base is read once; zero is never.
    public var every: Duration
    /// Bytes a second, nil for no limit.
    public var rate: ByteCount?

    init(_ reader: Reader) throws(SlipwayError) {
      every = try reader.duration("scrub.every")
      rate = try reader.limit("scrub.rate")
    }
  }

  /// Bringing images early.
  public struct Prewarm: Sendable, Hashable {
    /// A set of images that is kept warm.
    public struct ImageSet: Sendable, Hashable {
      /// Its name.
      public var name: String
      /// All images with this tag; nil when they are listed.
      public var tag: String?
      /// Images by id or name; nil when chosen by tag.
      public var images: [String]?
      /// Time between two looks; zero is only at boot.
      public var every: Duration
      /// Whether it is brought at the daemon's start.
      public var atBoot: Bool
      /// How long its bases are pinned at each look; zero pins nothing.
      public var keep: Duration

      init(_ reader: Reader) throws(SlipwayError) {
        name = try reader.string("name")
        tag = try reader.optionalString("tag")
        images = try reader.optionalStrings("images")
        every = try reader.duration("every")
        atBoot = try reader.bool("at_boot")
        keep = try reader.duration("keep")
      }
    }

    /// Images at once.
    public var jobs: Int
    /// Bytes a second, nil for no limit.
    public var rate: ByteCount?
    /// The sets.
    public var sets: [ImageSet]

    init(_ reader: Reader) throws(SlipwayError) {
      jobs = try reader.int("prewarm.jobs")
      rate = try reader.limit("prewarm.rate")
      var sets: [ImageSet] = []
      for mapping in try reader.mappings("prewarm.sets") { sets.append(try ImageSet(mapping)) }
      self.sets = sets
    }
  }

  /// What one agent may use at once.
  public struct Limits: Sendable, Hashable {
    /// Bytes in flight of all transfers.
    public var memory: ByteCount
    /// Images moved at once.
    public var transfers: Int
    /// Bytes a second, nil for no limit.
    public var rate: ByteCount?
    /// The most that the conversion of one image may take.
    public var convertTime: Duration

    init(_ reader: Reader) throws(SlipwayError) {
      convertTime = try reader.duration("limits.convert_time")
      memory = try reader.size("limits.memory")
      transfers = try reader.int("limits.transfers")
      rate = try reader.limit("limits.rate")
    }
  }

  /// Logging.
  public struct Log: Sendable, Hashable {
    /// How lines look.
    public enum Format: String, Sendable, Hashable { case auto, text, json }

    /// A level of swift-log, by name.
    public var level: String
    /// How lines look.
    public var format: Format

    init(_ reader: Reader) throws(SlipwayError) {
      level = try reader.string("log.level")
      format = try reader.word("log.format")
    }
  }
}

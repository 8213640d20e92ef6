/// What libvirt's `<disk>` element says of a disk of ours: https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms
public struct DiskElement: Sendable, Hashable {
  /// One file of a chain.
  public struct Layer: Sendable, Hashable {
    /// Its absolute path.
    public var path: String
    /// `qcow2` or `raw`.
    public var format: String

    /// A file.
    public init(path: String, format: String) {
      self.path = path
      self.format = format
    }
  }

  /// A disk in a Ceph pool.
  public struct RBD: Sendable, Hashable {
    /// The pool.
    public var pool: String
    /// The image.
    public var image: String
    /// Where the cluster's monitors are; none leaves them to `conf`.
    public var monitors: [MonitorAddress]
    /// The ceph.conf that QEMU reads where no monitor is named.
    public var conf: String?
    /// The cephx user, without `client.`.
    public var user: String
    /// How libvirt finds the user's key.
    public var secret: Secret

    /// A disk in a pool.
    public init(pool: String, image: String, monitors: [MonitorAddress], conf: String?, user: String, secret: Secret) {
      self.pool = pool
      self.image = image
      self.monitors = monitors
      self.conf = conf
      self.user = user
      self.secret = secret
    }
  }

  /// How libvirt finds a secret that it keeps.
  public enum Secret: Sendable, Hashable {
    /// By the uuid that libvirt told us.
    case uuid(String)
    /// By its usage name, where libvirt was not asked.
    case usage(String)
  }

  /// Where the bytes are.
  public enum Source: Sendable, Hashable {
    case rbd(RBD)
    /// A file, and the files that it stands on, the nearest first. The chain is complete: what is not named is not there.
    case file(Layer, backing: [Layer])
  }

  /// Where the bytes are.
  public var source: Source
  /// `cache` of the driver: `none` where the file system takes O_DIRECT, else `writeback`, which is as safe for a guest that flushes.
  public var cache: Cache
  /// What a host cannot know and whoever defines the machine chooses.
  public var choices: Choices

  /// How QEMU uses the host's page cache.
  public enum Cache: String, Sendable, Hashable { case none, writeback }

  /// What the guest's trims do.
  public enum Discard: String, Sendable, Hashable, CaseIterable { case ignore, unmap }

  /// What becomes of zeros that the guest writes.
  public enum DetectZeroes: String, Sendable, Hashable, CaseIterable { case off, on, unmap }

  /// What whoever defines the machine chooses.
  public struct Choices: Sendable, Hashable {
    /// What the guest's trims do; nil is QEMU's default.
    public var discard: Discard?
    /// What becomes of zeros that the guest writes; nil is QEMU's default.
    public var detectZeroes: DetectZeroes?
    /// The device's name in the guest: `vda`, `sdb`, …; it tells the bus too.
    public var device: String

    /// Choices.
    public init(discard: Discard? = nil, detectZeroes: DetectZeroes? = nil, device: String = "vda") {
      self.discard = discard
      self.detectZeroes = detectZeroes
      self.device = device
    }

    /// The bus to a device of that name; nil for a name that is none.
    public var bus: String? { Choices.bus(of: device) }

    /// The bus to a device of that name: virtio for `vd…`, scsi for `sd…`, ide for `hd…`; nil for any other word.
    static func bus(of device: String) -> String? {
      let letters = device.utf8.dropFirst(2)
      guard (1...3).contains(letters.count), letters.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }) else {
        return nil
      }
      return ["vd": "virtio", "sd": "scsi", "hd": "ide"][device.prefix(2)]
    }
  }

  /// An element.
  public init(source: Source, cache: Cache, choices: Choices = Choices()) {
    self.source = source
    self.cache = cache
    self.choices = choices
  }
}

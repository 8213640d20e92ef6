internal import Files
internal import Runtime

/// The local directory of bases: nothing half-made is ever visible in it, and the directory is the truth.
///
/// Layout: `bases` holds bases alone (it is what a libvirt pool shows), `meta` their sidecars, `locks` lock files that are never removed, `leases` short
/// claims whose files are locked as long as they hold, `tmp` what is in the making, `quarantine` what was taken out of use, `catalog.sqlite` an index that can be rebuilt, `FORMAT` says whose all this is.
public final class Store: Sendable {
  /// Absolute path of the store.
  public let path: String
  /// What bases are called, and where they and their locks are.
  public let layout: Layout
  let root: Directory
  let bases: Directory
  let meta: Directory
  let locks: Directory
  /// Where the lock files of bases are; `locks` in the native layout.
  let baseLocks: Directory
  let leases: Directory
  let temporary: Directory
  let quarantine: Directory
  let catalog: Catalog
  let pool: WorkerPool
  let warn: @Sendable (String) -> Void
  /// The shared file system that it lies on ("NFS"), of which nothing is evicted unless this host owns it; nil for a local one.
  public let sharedFileSystem: String?
  /// Whether published bases are made immutable.
  let immutability: Immutability
  /// Whether unnamed temporary files may be used; tests say no.
  let unnamed: Bool
  /// Seconds since 1970; tests move it.
  let clock: @Sendable () -> Int64
  /// Who is told of bases that came or went.
  let listener = Locked<(@Sendable () -> Void)?>(nil)
  /// The promises of space that this process made.
  let reservations = Locked<[ObjectIdentifier: Reservation]>([:])

  init(
    layout: Layout, root: Directory, places: Layout.Places, meta: Directory, locks: Directory, leases: Directory, temporary: Directory,
    quarantine: Directory,
    catalog: Catalog, pool: WorkerPool, sharedFileSystem: String?, immutability: Immutability, unnamed: Bool,
    clock: @escaping @Sendable () -> Int64,
    warn: @escaping @Sendable (String) -> Void
  ) {
    path = root.path
    self.layout = layout
    self.root = root
    bases = places.bases
    baseLocks = places.baseLocks
    self.meta = meta
    self.locks = locks
    self.leases = leases
    self.temporary = temporary
    self.quarantine = quarantine
    self.catalog = catalog
    self.pool = pool
    self.sharedFileSystem = sharedFileSystem
    self.immutability = immutability
    self.unnamed = unnamed
    self.clock = clock
    self.warn = warn
  }

  /// The path of a base, whether it is there or not.
  public func path(of name: BaseName) -> String { "\(bases.path)/\(name)" }

  /// The directory that holds bases alone, for a libvirt pool.
  public var basesPath: String { bases.path }

  /// Closes the catalog and all directories. What is under way fails.
  public func close() async {
    _ = try? await pool.runAlways {
      self.catalog.close()
      for directory in [self.bases, self.baseLocks, self.meta, self.locks, self.leases, self.temporary, self.quarantine, self.root] {
        try? directory.close()
      }
    }
  }
}

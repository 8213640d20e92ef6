public import Model
public import Runtime

/// The search for disks, below directories, and for what they stand on: by the headers of all files there, whatever their names.
///
/// Symbolic links and mounts are followed, chains too, wherever they lead. The rule for what cannot be known: a disk whose header is damaged may
/// stand on whatever it or our own record still names, and on anything where nothing tells; so may a directory that cannot be read.
public struct ReferenceScan: Sendable {
  /// How far the search goes. Beyond that it is incomplete.
  public struct Limits: Sendable, Hashable {
    /// Files and directories in all.
    public var entries = 1_000_000
    /// Directories below a root.
    public var depth = 32
    /// How often a directory is looked into again because something in it went.
    public var looks = 8
    /// Threads.
    public var threads = 4

    /// The limits for a host.
    public init() {}
  }

  let roots: [String]
  let named: [NamedDisk]
  let excluded: [String]
  let work: ScanWork

  /// A search below `roots` (absolute paths; one that is not there holds no disks) and of the `named` disks, not looking into the directories
  /// `excluded`, for disks that stand on one of `bases`.
  public init(
    roots: [String], named: [NamedDisk] = [], excluding excluded: [String] = [], bases: Set<FileIdentity>, limits: Limits = Limits()
  ) {
    self.init(roots: roots, named: named, excluding: excluded, bases: bases, limits: limits) { _ in }
  }

  init(
    roots: [String], named: [NamedDisk] = [], excluding excluded: [String], bases: Set<FileIdentity>, limits: Limits,
    willOpen: @escaping @Sendable (String) -> Void
  ) {
    self.roots = roots
    self.named = named
    self.excluded = excluded
    work = ScanWork(limits: limits, bases: bases, willOpen: willOpen)
  }

  /// Searches until `deadline`. What is damaged, hidden or too much is part of the answer; thrown is only `CancellationError`.
  ///
  /// The threads are the search's own, so that a file system that hangs holds up nobody else.
  public func run(deadline: Deadline) async throws -> DiskReferences {
    let pool = WorkerPool(name: "slipway-scan", threads: work.limits.threads)
    defer { pool.close() }
    var state = ScanState(roots: roots, named: named, bases: work.bases, limits: work.limits)
    do {
      state.excluded = Set(try await excludedDirectories(pool, deadline))
      try await drive(&state, pool, deadline)
    } catch let error as SlipwayError where error.code == .timeout {
      state.incomplete = "the search for disks took too long"
    }
    try Task.checkCancellation()
    return state.references
  }

  private func excludedDirectories(_ pool: WorkerPool, _ deadline: Deadline) async throws -> [FileIdentity] {
    let excluded = excluded
    return try await pool.run(until: deadline, orThrow: Self.late) { excluded.compactMap { ScanWork.identity(of: $0) } }
  }

  private func drive(_ state: inout ScanState, _ pool: WorkerPool, _ deadline: Deadline) async throws {
    let work = work
    try await withThrowingTaskGroup(of: [ScanAnswer].self) { group in
      var running = 0
      while true {
        if deadline.hasPassed { throw Self.late }
        while running < work.limits.threads {
          let steps = state.next(threads: work.limits.threads)
          if steps.isEmpty { break }
          group.addTask { try await pool.run(until: deadline, orThrow: Self.late) { steps.map { work.answer($0) } } }
          running += 1
        }
        guard running > 0, let answers = try await group.next() else { return }
        running -= 1
        for answer in answers { state.merge(answer) }
      }
    }
  }

  private static var late: SlipwayError { SlipwayError(.timeout, "the search for disks took too long") }
}

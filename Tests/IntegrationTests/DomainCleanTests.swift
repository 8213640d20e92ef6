import Foundation
import Testing

/// Cleaning beside a real libvirtd with TCG guests whose disks lie where no key of the configuration leads: no base in use ever goes.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct DomainCleanTests {
  /// A host that asks the libvirtd of its stack, and shows its store in a pool of its own there.
  struct Place: Sendable {
    let host: Host
    let virsh: Virsh
    private let pool: String

    /// Runs `body`, and removes the pool in any case.
    static func with(on stack: Stack? = nil, _ body: (Place) async throws -> Void) async throws {
      let place = try Place(on: stack)
      do {
        try await body(place)
      } catch {
        await place.remove()
        throw error
      }
      await place.remove()
    }

    private init(on stack: Stack?) throws {
      let stack = try stack ?? Stack.current()
      let virsh = try Virsh(stack)
      let pool = "slipway-it-" + UUID().uuidString.lowercased().prefix(8)
      host = try Host(on: stack) { settings, scratch in
        settings.more = [CleanTests.strict]
        settings.roots = [scratch.path]
        if stack.clouds == nil { settings.cloud = nil }
        settings.libvirt = "{ uri: \"\(virsh.uri)\", pool: \(pool) }"
      }
      (self.virsh, self.pool) = (virsh, pool)
    }

    private func remove() async {
      for verb in ["pool-destroy", "pool-undefine"] { _ = try? await virsh.succeeds(verb, pool) }
    }

    /// A base of a file of its own.
    func base(_ name: String = "image") async throws -> String {
      let file = try host.scratch.sparse(name, size: 2 << 20, runs: [(0, 70_000)], seed: UInt64.random(in: 1...UInt64.max))
      return try #require(try await host.run("fetch", file, "--disk-format", "raw").succeeded()["path"].text)
    }

    /// An overlay in a directory that nobody is told of.
    func overlay(_ name: String, on base: String) async throws -> String {
      let directory = host.scratch.file("far")
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      let path = directory + "/" + name
      try await Compare.tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", path)
      return path
    }

    func clean(_ environment: [String: String] = [:]) async throws -> JSON {
      try await host.start(["cache", "clean"], environment: environment).wait().succeeded()
    }

    /// Cleans, and requires that nothing went and that every base is kept as one in use by the guest.
    func expectKept(by guest: Machine, _ count: Int = 1, _ location: SourceLocation = #_sourceLocation) async throws {
      let report = try await clean()
      #expect(report["evicted"].list.isEmpty, sourceLocation: location)
      let kept = report["kept"].list
      #expect(kept.map { $0["reason"].text } == Array(repeating: "in_use", count: count), "\(report)", sourceLocation: location)
      for base in kept {
        #expect(base["detail"].text?.contains("(domain \(guest.name))") == true, "\(base)", sourceLocation: location)
      }
    }

    func expectEvicted(_ count: Int = 1, _ location: SourceLocation = #_sourceLocation) async throws {
      let report = try await clean()
      #expect(report["evicted"].list.count == count, "\(report)", sourceLocation: location)
    }
  }

  enum Life: String, CaseIterable, Sendable { case running, paused, shutOff, transient, managedSave }

  @Test(arguments: Life.allCases) func theBaseOfADomainStaysWhateverTheDomainDoes(_ life: Life) async throws {
    try await Place.with { place in
      let base = try await place.base()
      let disk = try await place.overlay("disk", on: base)
      let guest = try Machine(place.virsh, place.host.scratch, disks: [.init(path: disk)])
      try await guest.during {
        switch life {
        case .running, .paused, .managedSave:
          try await guest.define()
          try await guest.start()
          if life == .paused { try await guest.virsh("suspend", guest.name) }
          if life == .managedSave { try await guest.virsh("managedsave", guest.name) }
        case .shutOff: try await guest.define()
        case .transient: try await guest.create()
        }
        try await place.expectKept(by: guest)
        let shown = try await place.host.start(
          ["cache", "show", URL(fileURLWithPath: base).lastPathComponent]
        ).wait().succeeded()
        let users = try #require(shown["bases"].list.first)["clean"]["used_by"].list
        #expect(users.map { $0["disk"].text } == [disk])
        #expect(users.first?["domains"].list.map(\.text) == [guest.name])
        // Never by force either.
        let purged = try await place.host.run(
          "cache", "purge", URL(fileURLWithPath: base).lastPathComponent)
        #expect(purged.status == 7)
      }
      #expect(FileManager.default.fileExists(atPath: base))
      // Of no domain and under no root: nobody knows of the overlay.
      try await place.expectEvicted()
    }
  }

  @Test func aDiskThatOnlyAManagedSaveKnowsCounts() async throws {
    try await Place.with { place in
      let (one, other) = (try await place.base("one"), try await place.base("other"))
      let (first, second) = (try await place.overlay("first", on: one), try await place.overlay("second", on: other))
      let guest = try Machine(place.virsh, place.host.scratch, disks: [.init(path: first)])
      try await guest.during {
        try await guest.define()
        try await guest.start()
        try await guest.virsh("attach-disk", guest.name, second, "vdb", "--driver", "qemu", "--subdriver", "qcow2", "--live")
        try await place.expectKept(by: guest, 2)
        try await guest.virsh("managedsave", guest.name)
        let next = try await guest.virsh("dumpxml", guest.name, "--inactive")
        #expect(!next.contains(second))
        try await place.expectKept(by: guest, 2)
      }
    }
  }

  @Test func rescueAndEphemeralDisksCount() async throws {
    try await Place.with { place in
      var disks: [Machine.Disk] = []
      for name in ["disk", "disk.rescue", "disk.eph0"] {
        let base = try await place.base("image-" + name)
        disks.append(.init(path: try await place.overlay(name, on: base)))
      }
      let guest = try Machine(place.virsh, place.host.scratch, disks: disks)
      try await guest.during {
        try await guest.define()
        try await place.expectKept(by: guest, 3)
        try await guest.start()
        try await place.expectKept(by: guest, 3)
      }
      try await place.expectEvicted(3)
    }
  }

  @Test func aChainOfThreeExternalSnapshotsLeadsToTheBase() async throws {
    try await Place.with { place in
      let base = try await place.base()
      let guest = try Machine(place.virsh, place.host.scratch, disks: [.init(path: try await place.overlay("disk", on: base))])
      try await guest.during {
        try await guest.define()
        try await guest.start()
        for number in 1...3 {
          let file = place.host.scratch.file("far/snap\(number)")
          try await guest.virsh(
            "snapshot-create-as", guest.name, "s\(number)", "--disk-only", "--atomic", "--diskspec", "vda,file=\(file)")
        }
        try await place.expectKept(by: guest)
        try await guest.virsh("destroy", guest.name)
        // Shut off, the definition names the last of them alone.
        let inactive = try await guest.virsh("dumpxml", guest.name)
        #expect(inactive.contains("far/snap3") && !inactive.contains(base))
        try await place.expectKept(by: guest)
        try await guest.start()
        try await place.expectKept(by: guest)
      }
    }
  }

  @Test func anOverlayOfNoDomainUnderARootCountsBesideLibvirt() async throws {
    try await Place.with { place in
      let base = try await place.base()
      let disk = try await place.overlay("shelved", on: base)
      let report = try await place.clean(["SLIPWAY_DISKS_ROOTS": place.host.scratch.file("far")])
      #expect(report["kept"].list.first?["detail"].text == "by \(disk)")
    }
  }

  /// Nothing is asserted of what the moment hits: the base stays in any case.
  @Test(arguments: [0, 150, 300, 600]) func aDomainThatIsDefinedBetweenDecisionAndUnlinkKeepsItsBase(_ milliseconds: Int) async throws {
    try await Place.with { place in
      let base = try await place.base()
      let disk = try await place.overlay("late", on: base)
      let guest = try Machine(place.virsh, place.host.scratch, disks: [.init(path: disk)])
      try await guest.during {
        try await whileCleaningWaits(place, [base]) {
          try await Task.sleep(for: .milliseconds(milliseconds))
          try await guest.define()
        }
        #expect(FileManager.default.fileExists(atPath: base))
        try await guest.start()
        try await place.expectKept(by: guest)
      }
    }
  }

  @Test func aLibvirtdThatIsRestartedInTheMiddleCostsNoBase() async throws {
    let stack = try await OwnStack.ceph()
    try await OwnLibvirt.exclusively {
      try await Place.with(on: stack) { place in
        let used = try await place.base("used")
        let free = try await (1...5).asyncMap { try await place.base("free\($0)") }
        let guest = try Machine(place.virsh, place.host.scratch, disks: [.init(path: try await place.overlay("disk", on: used))])
        try await guest.during {
          try await guest.define()
          try await guest.start()
          // It waits a second for each lock: long enough for libvirtd to go and come back.
          try await whileCleaningWaits(place, free) {
            try await Task.sleep(for: .milliseconds(300))
            try await OwnStack.daemon("stop", "libvirtd")
            try await OwnStack.daemon("start", "libvirtd")
          }
          #expect(FileManager.default.fileExists(atPath: used))
          // It runs on, and libvirt knows it again.
          let state = try await guest.virsh("domstate", guest.name)
          #expect(state.hasPrefix("running"))
          let report = try await place.clean()
          #expect(!report["evicted"].list.contains { $0["path"].text == used })
          #expect(report["kept"].list.contains { $0["detail"].text?.contains(guest.name) == true })
        }
      }
    }
  }

  @Test func aLibvirtdThatIsStoppedOrFrozenEvictsNothing() async throws {
    let stack = try await OwnStack.ceph()
    try await OwnLibvirt.exclusively {
      try await Place.with(on: stack) { place in
        let used = try await place.base("used")
        let free = try await place.base("free")
        let guest = try Machine(place.virsh, place.host.scratch, disks: [.init(path: try await place.overlay("disk", on: used))])
        @Sendable func expectBlocked() async throws {
          let report = try await place.clean()
          #expect(report["evicted"].list.isEmpty, "\(report)")
          #expect(report["blocked"].list.map { $0["reason"].text } == ["libvirt_unreachable"])
          #expect(report["blocked"].list.first?["detail"].text?.contains(place.virsh.uri) == true)
          for base in [used, free] { #expect(FileManager.default.fileExists(atPath: base)) }
        }
        try await guest.during {
          try await guest.define()
          try await OwnStack.daemon("stop", "libvirtd")
          do {
            try await expectBlocked()
          } catch {
            try await OwnStack.daemon("start", "libvirtd")
            throw error
          }
          try await OwnStack.daemon("start", "libvirtd")
          try await OwnStack.daemon("pause", "libvirtd")
          do {
            try await expectBlocked()
          } catch {
            try await OwnStack.daemon("resume", "libvirtd")
            throw error
          }
          try await OwnStack.daemon("resume", "libvirtd")
          let report = try await place.clean()
          #expect(report["evicted"].list.map { $0["path"].text } == [free])
          #expect(FileManager.default.fileExists(atPath: used))
        }
      }
    }
  }

  /// Runs `body` beside a cleaning that comes to these bases and finds their locks taken, then lets it go on to its end.
  private func whileCleaningWaits(_ place: Place, _ bases: [String], _ body: () async throws -> Void) async throws {
    let locks = bases.map { place.host.store + "/locks/" + URL(fileURLWithPath: $0).lastPathComponent + ".lock" }
    let holder = try await LockHolder(locks)
    let cleaning = try place.host.start(["cache", "clean"])
    do {
      try await body()
    } catch {
      try await holder.release()
      throw error
    }
    try await holder.release()
    _ = try await cleaning.wait().succeeded()
  }
}

/// Tests that stop the libvirtd of these tests' own run one after the other.
private actor OwnLibvirt {
  private static let turn = OwnLibvirt()
  private var last: Task<Void, Never>?

  static func exclusively(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await turn.enqueue(body).value
  }

  private func enqueue(_ body: @escaping @Sendable () async throws -> Void) -> Task<Void, any Error> {
    let before = last
    let task = Task {
      await before?.value
      try await body()
    }
    last = Task { _ = await task.result }
    return task
  }
}

extension Sequence where Element: Sendable {
  fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}

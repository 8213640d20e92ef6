import Foundation
import Model
import Testing

@testable import Disks

@Suite("Disks that a domain names, wherever they lie", .timeLimit(.minutes(1))) struct NamedDiskTests {
  let place = ScanPlace()

  private func named(_ relative: String, _ format: String? = "qcow2", _ domain: String = "web") -> NamedDisk {
    NamedDisk(path: place.path(relative), format: format, domain: domain)
  }

  @Test("An overlay outside every root keeps its base, and the domain is told")
  func outside() async throws {
    try await place.use { place in
      try place.overlay("far/disk", on: place.path("base"))
      let found = try await place.scan(named: [named("far/disk")])
      #expect(found.disks == ["far/disk"])
      #expect(found.references.domains == [place.path("far/disk"): ["web"]])
      let unnamed = try await place.scan()
      #expect(unnamed.disks == [])
    }
  }

  @Test("A chain of three is followed to the base by headers alone")
  func chain() async throws {
    try await place.use { place in
      try place.overlay("far/one", on: place.path("base"))
      try place.overlay("far/two", on: "one")
      try place.overlay("far/three", on: place.path("far/two"))
      let found = try await place.scan(named: [named("far/three")])
      #expect(found.disks == ["far/three"])
    }
  }

  @Test("The same file under a root and in a domain is told with the domain under both names")
  func both() async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: place.path("base"))
      try place.link("far/link", to: place.path("roots/i/disk"))
      let found = try await place.scan(named: [named("far/link"), named("roots/i/disk", "qcow2", "other")])
      #expect(found.disks == ["far/link", "roots/i/disk"])
      #expect(found.references.domains[place.path("roots/i/disk")] == ["other", "web"])
      #expect(found.references.domains[place.path("far/link")] == ["other", "web"])
    }
  }

  @Test("A base that is a domain's own disk is in use, whatever its format")
  func itself() async throws {
    try await place.use { place in
      for format in ["raw", nil] {
        let found = try await place.scan(named: [named("base", format)])
        #expect(found.disks == ["base"])
      }
    }
  }

  @Test("A domain's disk that is gone holds its own path and nothing else")
  func gone() async throws {
    try await place.use { place in
      let found = try await place.scan(named: [named("far/gone.qcow2")])
      #expect(found.unreadable.isEmpty)
      #expect(found.references.missing == [place.path("far/gone.qcow2"): ["domain 'web'"]])
    }
  }

  @Test("A damaged qcow2 of a domain may stand on anything; a raw one with the same bytes on nothing")
  func damaged() async throws {
    try await place.use { place in
      try place.write("far/disk", [UInt8](repeating: 7, count: 4096))
      let asQcow2 = try await place.scan(named: [named("far/disk")])
      #expect(asQcow2.unreadable.keys.sorted() == ["far/disk"])
      let asRaw = try await place.scan(named: [named("far/disk", "raw")])
      #expect(asRaw.unreadable.isEmpty)
    }
  }

  @Test("Directories, sockets and devices without bytes are no disks")
  func others() async throws {
    try await place.use { place in
      let odd = ["/dev/null", "/dev/urandom"].map { NamedDisk(path: $0, format: nil, domain: "web") }
      let found = try await place.scan(named: odd + [named("roots", nil)])
      #expect(found.unreadable.isEmpty && found.disks.isEmpty)
    }
  }
}

import Foundation
import Testing

/// A host whose Slipway tells the stack's libvirtd, with a storage pool and a secret of its own, and an image that boots.
final class LibvirtHost: Sendable {
  let host: Host
  let virsh: Virsh
  let pool: String
  let usage: String
  let marker: String
  let image: String
  private let rbdImage: String?

  /// `isInCeph`: the image lies in the pool `images` too, and a secret with the key of `slipway` is there.
  init(
    isInCeph: Bool = false, baseFormat: String = "qcow2", secret: Bool = true, createSecret: Bool = false, immutable: String = "off",
    _ change: (inout Settings) -> Void = { _ in }
  ) async throws {
    let stack = try Stack.current()
    virsh = try Virsh(stack)
    let id = UUID().uuidString.lowercased().prefix(8)
    pool = "slipway-it-\(id)"
    usage = "client.slipway \(id)"
    marker = "MARKER-\(id)"
    let (virsh, pool, usage) = (virsh, pool, usage)
    let host = try Host(on: stack) { settings, scratch in
      settings.baseFormat = baseFormat
      settings.immutable = immutable
      settings.roots = [scratch.path]
      settings.libvirt = "{ uri: \"\(virsh.uri)\", pool: \(pool), secret: \"\(usage)\", create_secret: \(createSecret) }"
      change(&settings)
    }
    self.host = host
    image = host.scratch.file("boot.raw")
    try Guest.image(marker: marker, to: image)
    rbdImage = isInCeph ? "it-boot-\(id)" : nil
    if let rbdImage { try stack.makeImage(rbdImage, file: image) }
    if isInCeph, secret { try await define(secret: usage) }
  }

  /// Where the image lies in Ceph.
  var location: String { get throws { "rbd://\(try host.stack.fsid)/images/\(rbdImage ?? "")/snap" } }

  /// Defines a secret with the key of the stack's user `slipway`; its uuid.
  @discardableResult
  func define(secret usage: String, isPrivate: Bool = false) async throws -> String {
    let path = host.scratch.file("secret.xml")
    let uuid = UUID().uuidString.lowercased()
    try """
    <secret ephemeral='no' private='\(isPrivate ? "yes" : "no")'><uuid>\(uuid)</uuid><usage type='ceph'><name>\(usage)</name></usage></secret>
    """.write(toFile: path, atomically: true, encoding: .utf8)
    try await virsh("secret-define", path)
    try await virsh("secret-set-value", uuid, "--base64", key())
    return uuid
  }

  /// The key of the stack's user `slipway`, in base64.
  func key() throws -> String {
    let text = try String(contentsOfFile: host.stack.text("ceph", "users", "slipway", "keyring"), encoding: .utf8)
    return try #require(text.firstMatch(of: /key\s*=\s*(\S+)/)).1.description
  }

  /// Makes a disk of the image as a file.
  func create(_ disk: String, target: String, _ more: String...) async throws -> JSON {
    try await host.start(["disk", "create", disk, "--image", image, "--disk-format", "raw", "--target", target] + more).wait().succeeded()
  }

  /// Makes a disk of the image by cloning.
  func clone(_ disk: String, _ more: String...) async throws -> JSON {
    let words = ["disk", "create", disk, "--image", try location, "--disk-format", "raw", "--target", "rbd"]
    return try await host.start(words + more).wait().succeeded()
  }

  /// A machine on these disks.
  func guest(_ disks: JSON..., started: Bool = true) async throws -> Guest {
    let elements = try disks.map { try #require($0["libvirt"]["disk_xml"].text, "\($0)") }
    return try await Guest(virsh, disks: elements, in: host.scratch, started: started)
  }

  /// The secrets of libvirt with that usage name.
  func secrets(_ usage: String) async throws -> [String] {
    try await virsh("secret-list").split(separator: "\n").filter { $0.contains(usage) }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
  }

  /// Removes what lies in libvirt and Ceph.
  func remove() async {
    // Bases may be immutable.
    _ = try? Command.run("chattr", ["-R", "-f", "-i", host.store])
    for name in [pool, "\(pool)-rbd", "foreign-\(pool)"] {
      _ = try? await virsh.succeeds("pool-destroy", name)
      _ = try? await virsh.succeeds("pool-undefine", name)
    }
    for uuid in (try? await secrets(usage)) ?? [] { _ = try? await virsh.succeeds("secret-undefine", uuid) }
    if let rbdImage { host.stack.removeImage(rbdImage) }
  }

  /// Runs `body`, and removes what lies in libvirt and Ceph, whatever happens.
  static func with(
    isInCeph: Bool = false, baseFormat: String = "qcow2", secret: Bool = true, createSecret: Bool = false, immutable: String = "off",
    _ change: (inout Settings) -> Void = { _ in }, _ body: (LibvirtHost) async throws -> Void
  ) async throws {
    let host = try await LibvirtHost(
      isInCeph: isInCeph, baseFormat: baseFormat, secret: secret, createSecret: createSecret, immutable: immutable, change)
    do {
      try await body(host)
    } catch {
      await host.remove()
      throw error
    }
    await host.remove()
  }

  /// Runs `body` with a machine and removes it, whatever happens.
  static func with(_ guest: Guest, _ body: (Guest) async throws -> Void) async throws {
    do {
      try await body(guest)
    } catch {
      await guest.remove()
      throw error
    }
    await guest.remove()
  }
}

import Foundation
import Libvirt
import Runtime

/// A node of libvirt's test driver of its own, from a file: nothing in it is shared with other tests.
struct Node {
  let path: String
  var uri: String { "test://\(path)" }

  /// A node with these domains, of which the driver starts all (`<domain>` at the top level runs).
  init(domains: [String] = [], pools: [String] = []) throws {
    path = NSTemporaryDirectory() + "slipway-node-\(UUID().uuidString.prefix(8)).xml"
    let text = "<node>\n" + (domains + pools).joined(separator: "\n") + "\n</node>\n"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// A domain with one file disk for each path.
  static func domain(_ name: String, disks: [String] = []) -> String {
    let devices = disks.enumerated().map { index, path in
      "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='\(path)'/><target dev='vd\(Array("abcdefgh")[index])'/></disk>"
    }
    return """
      <domain type='test'><name>\(name)</name><memory>8192</memory><os><type>hvm</type></os>
      <devices>\(devices.joined())</devices></domain>
      """
  }

  static func pool(_ name: String, at path: String) -> String {
    "<pool type='dir'><name>\(name)</name><target><path>\(path)</path></target></pool>"
  }
}

/// Waits, patiently, until `condition` holds; false when it does not come to that.
func eventually(_ condition: @Sendable () async throws -> Bool) async rethrows -> Bool {
  for _ in 0..<3000 {
    if try await condition() { return true }
    try? await Task.sleep(for: .milliseconds(10))
  }
  return false
}

/// What a listener heard.
final class Heard: Sendable {
  private let heard = Locked<[LibvirtEvent]>([])
  var all: [LibvirtEvent] { heard.with { $0 } }
  func note(_ event: LibvirtEvent) { heard.with { $0.append(event) } }
}

import Foundation
import Runtime
import Testing

/// A machine of the private libvirtd: it boots one sector that prints a marker on the serial console and then a dot every second.
final class Guest: Sendable {
  let name: String
  let console: String
  private let virsh: Virsh

  /// Defines a machine with these `<disk>` elements, and starts it.
  init(_ virsh: Virsh, disks: [String], in scratch: Scratch, started: Bool = true) async throws {
    name = "slipway-it-" + UUID().uuidString.lowercased().prefix(8)
    console = scratch.file("\(name).console")
    self.virsh = virsh
    let path = scratch.file("\(name).xml")
    try Guest.xml(name, disks: disks, console: console).write(toFile: path, atomically: true, encoding: .utf8)
    try await virsh("define", path)
    if started { try await virsh("start", name) }
  }

  /// A domain as small as they come; interpreted, since a BIOS is slow under nested virtualisation.
  static func xml(_ name: String, disks: [String], console: String) -> String {
    """
    <domain type='qemu'><name>\(name)</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
    <devices>
    <controller type='usb' model='none'/><controller type='scsi' model='virtio-scsi'/><memballoon model='none'/>
    \(disks.joined(separator: "\n"))
    <serial type='file'><source path='\(console)'/><target port='0'/></serial>
    </devices></domain>
    """
  }

  /// What it has printed.
  var printed: String { (try? String(decoding: Data(contentsOf: URL(fileURLWithPath: console)), as: UTF8.self)) ?? "" }

  /// Waits, patiently, for a text on the console.
  func prints(_ text: String, location: SourceLocation = #_sourceLocation) async throws {
    for _ in 0..<1200 {
      if printed.contains(text) { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    Issue.record("'\(text)' never came; the console says '\(printed)'", sourceLocation: location)
  }

  /// Waits until it prints more than it has.
  func ticks(location: SourceLocation = #_sourceLocation) async throws {
    let before = printed.count
    for _ in 0..<1200 where printed.count <= before { try await Task.sleep(for: .milliseconds(50)) }
    #expect(printed.count > before, "it has stopped", sourceLocation: location)
  }

  /// Ends it and forgets it.
  func remove() async {
    _ = try? await virsh("destroy", name)
    _ = try? await virsh("undefine", name)
  }

  /// A disk of `size` bytes whose first sector prints `marker` on COM1, and then a dot with every 18th tick of the clock.
  static func image(marker: String, size: Int = 4 << 20, to path: String) throws {
    // cli; segments 0; stack 7C00; sti
    var code: [UInt8] = [0xFA, 0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xD0, 0xBC, 0x00, 0x7C, 0xFB]
    // No interrupts; divisor 1; 8 bits; DTR and RTS.
    for (port, value) in [(0x3F9, 0), (0x3FB, 0x80), (0x3F8, 1), (0x3F9, 0), (0x3FB, 3), (0x3FC, 3)] {
      code += [0xBA, UInt8(port & 0xFF), UInt8(port >> 8), 0xB0, UInt8(value), 0xEE]  // mov dx,port; mov al,value; out dx,al
    }
    code += [0xBE, 0x65, 0x7C]  // mov si,marker
    // Waits for the transmitter, then sends AL.
    let send: [UInt8] = [0x88, 0xC4, 0xBA, 0xFD, 0x03, 0xEC, 0xA8, 0x20, 0x74, 0xFB, 0xBA, 0xF8, 0x03, 0x88, 0xE0, 0xEE]
    // lodsb; test al,al; jz tick; send; jmp lodsb
    code += [0xAC, 0x84, 0xC0, 0x74, 0x12] + send + [0xEB, 0xE9]
    // tick: mov cx,18; hlt; loop; mov al,'.'; send; jmp tick
    code += [0xB9, 0x12, 0x00, 0xF4, 0xE2, 0xFD, 0xB0, 0x2E] + send + [0xEB, 0xE6]
    try #require(code.count == 0x65)
    code += Array(marker.utf8) + [13, 10, 0]
    try #require(code.count <= 446)
    // One partition over all the rest: a table without any is refused as damaged.
    let sectors = size / 512 - 1
    let count = (0..<4).map { UInt8(truncatingIfNeeded: sectors >> ($0 * 8)) }
    code += [UInt8](repeating: 0, count: 446 - code.count) + [0x80, 0, 2, 0, 0x83, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0] + count
    code += [UInt8](repeating: 0, count: 48) + [0x55, 0xAA]
    try Data(code).write(to: URL(fileURLWithPath: path))
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.truncate(atOffset: UInt64(size))
    try file.close()
  }
}

/// virsh on the stack's libvirtd.
struct Virsh: Sendable {
  let uri: String
  private static let workers = WorkerPool(name: "virsh", threads: 4)

  init(_ stack: Stack) throws {
    uri = try stack.text("libvirt", "uri")
    ServiceUser.give(try stack.text("libvirt", "socket"))
  }

  /// Runs a command, which must succeed; what it prints.
  @discardableResult
  func callAsFunction(_ words: String...) async throws -> String {
    let uri = uri
    return try await Self.workers.run { try Command.run("virsh", ["-c", uri, "-q"] + words).requireSuccess().output }
  }

  /// Whether a command succeeds.
  func succeeds(_ words: String...) async throws -> Bool {
    let uri = uri
    return try await Self.workers.run { try Command.run("virsh", ["-c", uri, "-q"] + words).status == 0 }
  }
}

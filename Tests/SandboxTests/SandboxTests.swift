import Foundation
import Glibc
import Model
import Testing

@testable import Sandbox

/// What a child can and cannot do, and how it ends.
@Suite(.timeLimit(.minutes(1))) struct SandboxTests {
  private func shell(_ script: String, _ change: (inout Child) -> Void = { _ in }) async throws -> ChildResult {
    var child = Child("/bin/sh", ["-c", script])
    change(&child)
    return try await Sandbox.run(child)
  }

  private func text(_ result: ChildResult) -> String { String(decoding: result.output, as: UTF8.self) }

  @Test func whatItPrintsAndHowItEndsIsTold() async throws {
    let result = try await shell("echo hello; echo 'it is\tbroken' >&2; echo more >&2; exit 3")
    #expect(result.end == .exited(3))
    #expect(text(result) == "hello\n")
    #expect(result.complaint == "it is?broken")
  }

  @Test func aChildThatPrintsWithoutEndIsCutAndNotWaitedFor() async throws {
    let result = try await shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done") { $0.outputLimit = 1000 }
    #expect(result.isSuccess)
    #expect(result.output.count == 1000)
  }

  @Test func itHasItsDescriptorsAndNoOther() async throws {
    let (one, two) = (open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY))
    // Not closed on exec, as a library may leave one.
    defer { close(one) }
    let result = try await shell("for i in 0 1 2 3 4 5 6 7 8 9; do if { true <&$i; } 2>/dev/null; then printf \"$i \"; fi; done") {
      $0.descriptors = [two]
    }
    #expect(text(result) == "0 1 2 3 ")
  }

  @Test func itSeesNothingOfOurEnvironment() async throws {
    setenv("SLIPWAY_TEST_SECRET", "swordfish", 1)
    let result = try await shell("/usr/bin/env")
    #expect(!text(result).contains("swordfish"))
    #expect(text(result).contains("PATH=/usr/bin:/bin"))
  }

  @Test func noFileButItsLibrariesCanBeRead() async throws {
    let path = "/tmp/slipway-sandbox-\(UUID().uuidString)"
    try Data("secret".utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let result = try await shell("cat /etc/passwd; cat \(path); cat /proc/self/status; ls /; ls /usr/bin/env")
    #expect(result.held.contains(.files), "this kernel has no Landlock")
    #expect(text(result) == "/usr/bin/env\n")
  }

  @Test func noFileCanBeWritten() async throws {
    let path = "/tmp/slipway-sandbox-\(UUID().uuidString)"
    let result = try await shell("echo x > \(path); echo $?; echo x > /dev/shm/slipway-x; echo $?")
    #expect(!text(result).contains("0\n"))
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func noPeerCanBeReached() async throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> UInt16 in
        guard bind(listener, address, length) == 0, listen(listener, 1) == 0, getsockname(listener, address, &length) == 0 else { return 0 }
        return UnsafeRawPointer(address).load(fromByteOffset: 2, as: UInt16.self).bigEndian
      }
    }
    let result = try await Sandbox.run(Child("/bin/bash", ["-c", "if exec 9<>/dev/tcp/127.0.0.1/\(port); then echo reached; fi"]))
    #expect(!text(result).contains("reached"))
  }

  @Test func itIsNobody() async throws {
    let result = try await shell("/usr/bin/id -u; /usr/bin/id -G")
    if getuid() == 0 { #expect(text(result) == "65534\n65534\n") }
    #expect(result.held.contains(.user))
  }

  @Test func allOfItsMemoryCountsAgainstTheLimit() async throws {
    let result = try await Sandbox.run(
      {
        var child = Child("/usr/bin/python3", ["-c", "x = bytearray(1 << 30); print('had it')"])
        child.addressSpace = 512 << 20
        return child
      }())
    #expect(!result.isSuccess)
    #expect(text(result) == "")
  }

  @Test func itsTimeOnTheProcessorEnds() async throws {
    let result = try await shell("while :; do :; done") { $0.cpuSeconds = 1 }
    #expect(result.end == .cpuUsedUp)
  }

  @Test func itsTimeOnTheClockEnds() async throws {
    let result = try await shell("sleep 300") { $0.wall = .milliseconds(200) }
    #expect(result.end == .late)
  }

  @Test func itIsKilledWithWhatItStarted() async throws {
    // The one that it leaves behind holds its output open; nobody waits for that.
    let result = try await shell("sleep 300 & echo started") { $0.wall = .seconds(30) }
    #expect(result.isSuccess)
    #expect(text(result) == "started\n")
  }

  @Test func cancellingKillsIt() async throws {
    let running = Task { try await shell("sleep 300") }
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
  }

  @Test func endingItIsNoCancellation() async throws {
    let control = ChildControl()
    let running = Task { try await Sandbox.run(Child("/bin/sh", ["-c", "sleep 300"]), control: control) }
    control.end()
    // Before it was started, or after.
    let end = await Task { try? await running.value.end }.value
    #expect(end == .ended || end == nil)
  }

  @Test func aScriptInADirectoryOfOursIsRunToo() async throws {
    let directory = "/tmp/slipway-sandbox-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let script = "\(directory)/tool"
    try Data("#!/bin/sh\necho \"told $1\"\n".utf8).write(to: URL(fileURLWithPath: script))
    #expect(chmod(script, 0o755) == 0)
    #expect(Sandbox.find("tool", path: "relative:/nowhere:\(directory):/usr/bin") == script)
    let result = try await Sandbox.run(Child(script, ["this"]))
    #expect(text(result) == "told this\n", "\(result)")
  }

  @Test func aProgramThatCannotBeRunIsAnError() async throws {
    await #expect(throws: SlipwayError.self) { try await Sandbox.run(Child("/nowhere/qemu-img")) }
    do {
      _ = try await Sandbox.run(Child("/etc/passwd"))
      Issue.record("it ran")
    } catch let error as SlipwayError {
      #expect(error.message.contains("run it: Permission denied"))
    }
  }
}

import FaultServer
import Foundation
import Testing

/// A full disk: noticed before anything is moved where that can be known, and in the middle where it cannot.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct SpaceTests {
  @Test(arguments: Way.allCases) func tooLittleSpaceIsNoticedBeforeTheTransfer(way: Way) async throws {
    let image = try await Images.shared.twice("no-digest")
    let host = try way.host()
    let small = try SmallFileSystem(host.store, kilobytes: 8192)
    try await host.run("cache", "list").succeeded()
    try small.fill(leaving: 1 << 20)
    let error = try await host.run("fetch", image.id, "--format", "raw").failed(6, "no_space")
    #expect(error["retry"].text == "elsewhere")
    #expect(error["message"].text?.contains(host.store) == true)
    #expect(error["message"].text?.contains("needs") == true, "told from the look before, not from a write: \(error)")
    host.expectEmptyStore()
    try FileManager.default.removeItem(atPath: small.path + "/ballast")
    try await host.run("fetch", image.id, "--format", "raw").succeeded()
  }

  /// A server that does not say how much comes.
  func endless(_ count: Int) throws -> FaultServer {
    let block = [UInt8](repeating: 7, count: 65_536)
    return try FaultServer { request in
      request.method == "HEAD"
        ? FaultReply(405)
        : FaultReply(200, body: block).with {
          $0.chunked = true
          $0.repeats = count
        }
    }
  }

  @Test(arguments: ["raw", "qcow2"]) func aDiskThatRunsFullDuringATransferKeepsNothing(format: String) async throws {
    let host = try Host()
    let small = try SmallFileSystem(host.store, kilobytes: 8192)
    try await host.run("cache", "list").succeeded()
    let before = try small.free()
    let server = try endless(400)
    try await host.run("fetch", server.url + "/x", "--disk-format", "raw", "--format", format).failed(6, "no_space")
    host.expectEmptyStore()
    #expect(try small.free() + 65_536 >= before, "the space is free again")
    // A look at it, since HEAD is not answered, and the transfer.
    #expect(server.requests.filter { $0.method == "GET" }.count == 2, "another try would not help")
    let fits = try endless(16)
    try await host.run("fetch", fits.url + "/y", "--disk-format", "raw", "--format", format).succeeded()
  }

  @Test func aDiskThatRunsFullWhileAQcow2IsConvertedKeepsNothing() async throws {
    let host = try Host()
    let raw = try host.scratch.sparse("r", size: 16 << 20, runs: [(0, 4 << 20)], seed: 8)
    let file = host.scratch.file("i.qcow2")
    try await Compare.tool("qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", raw, file)
    let operators = try host.reconfigured { settings, _ in settings.roots = [host.scratch.path] }
    let small = try SmallFileSystem(host.store, kilobytes: 7168)
    try await operators.run("fetch", file, "--disk-format", "qcow2", "--format", "raw").failed(6, "no_space")
    operators.expectEmptyStore()
    try await operators.run("fetch", file, "--disk-format", "qcow2").succeeded()
    #expect(try small.free() > 0)
  }

  @Test func aFlatDiskThatDoesNotFitLeavesNothing() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let small = try SmallFileSystem(host.scratch.file("disks"), kilobytes: 2048)
    let disk = host.diskName()
    try await host.run("disk", "create", disk, "--image", image.id, "--target", "raw").failed(6, "no_space")
    let left = try FileManager.default.contentsOfDirectory(atPath: small.path)
    #expect(left == [".slipway"], "\(left)")
    try await host.run("disk", "show", disk).failed(3, "disk_not_found")
    #expect(host.stored("bases").count == 1, "the base is whole, and stays")
  }
}

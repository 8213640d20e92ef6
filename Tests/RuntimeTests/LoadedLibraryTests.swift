import CLoader
import Glibc
import Model
import Runtime
import Testing

@Suite("Libraries that are loaded at their first use")
struct LoadedLibraryTests {
  /// Doors as a library's target has them, closed, and what they lead to after an attempt.
  private func attempt(_ soname: String, _ names: [String]) -> (loaded: Bool, why: String, open: [Bool]) {
    let closed = unsafeBitCast(slipway_not_loaded as @convention(c) () -> Void, to: UnsafeMutableRawPointer.self)
    var targets: [UnsafeMutableRawPointer?] = names.map { _ in closed }
    var why = [CChar](repeating: 0, count: 200)
    let texts = names.map { strdup($0) }
    defer { for text in texts { free(text) } }
    let loaded = targets.withUnsafeMutableBufferPointer { targets -> Bool in
      let doors = texts.indices.map { index in slipway_door(name: texts[index], target: targets.baseAddress.map { $0 + index }) }
      return slipway_load(soname, doors, doors.count, &why, why.count)
    }
    let text = String(decoding: why.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (loaded, text, targets.map { $0 != closed })
  }

  @Test("All doors open with the library")
  func opens() {
    let (loaded, _, open) = attempt("libm.so.6", ["cos", "sin"])
    #expect(loaded && open == [true, true])
  }

  @Test("A function that the library lacks leaves every door closed, and is named")
  func lacks() {
    let (loaded, why, open) = attempt("libm.so.6", ["cos", "no_such_function"])
    #expect(!loaded && open == [false, false])
    #expect(why.contains("no_such_function") && why.contains("libm.so.6"))
  }

  @Test("A library that is missing is told with its package, as the failure that it means, and tried again")
  func missing() throws {
    let tries = Locked(0)
    let library = LoadedLibrary("libx", package: "libx1", failure: .libvirtUnavailable) { buffer, size in
      let first = tries.with { tries -> Bool in
        tries += 1
        return tries == 1
      }
      if first {
        for (index, byte) in "libx.so.1: no such file".utf8.prefix(size - 1).enumerated() { buffer[index] = CChar(bitPattern: byte) }
      }
      return !first
    }
    let error = #expect(throws: SlipwayError.self) { try library.require() }
    #expect(error?.code == .libvirtUnavailable)
    #expect(error?.message == "cannot load libx: libx.so.1: no such file")
    #expect(error?.hint?.contains("apt install libx1") == true)
    try library.require()
    #expect(tries.with { $0 } == 2)
  }

  @Test("A library that is not on this machine says so")
  func absent() {
    let (loaded, why, open) = attempt("libslipway-is-not-there.so.7", ["cos"])
    #expect(!loaded && open == [false])
    #expect(why.contains("libslipway-is-not-there.so.7"))
  }
}

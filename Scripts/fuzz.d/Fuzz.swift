import FuzzTargets
import Glibc

/// The target that `SLIPWAY_FUZZ_TARGET` names.
private let target: FuzzTarget = {
  let name = getenv("SLIPWAY_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let found = FuzzTarget.all.first(where: { $0.name == name }) else {
    say("SLIPWAY_FUZZ_TARGET is none of \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
    exit(2)
  }
  return found
}()

private func say(_ text: String) {
  let line = Array("\(text)\n".utf8)
  _ = write(STDERR_FILENO, line, line.count)
}

/// Called by libFuzzer with each input; what is wrong ends the process, by which libFuzzer keeps the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  if let wrong = target.check(Array(UnsafeBufferPointer(start: start, count: count))) {
    say("\(target.name): \(wrong)")
    abort()
  }
  return 0
}

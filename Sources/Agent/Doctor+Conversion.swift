internal import Model
internal import Runtime
internal import Sandbox

extension Agent {
  /// Whether images of other formats can be converted, and how well what converts them is held in.
  func diagnoseConversion(_ context: RequestContext) async -> [Diagnosis] {
    let name = "conversion"
    do {
      let tool = try ConfinedQemuImg.find(path: environment["PATH"], wall: .seconds(30), object: "an image")
      let late = SlipwayError(.timeout, "qemu-img did not answer in time", object: tool.program)
      let (version, held) = try await context.deadline.race(orThrow: late) { try await tool.version() }
      let detail = "\(version) at \(tool.program)"
      guard held.missing.isEmpty else {
        return [
          Diagnosis(
            name: name, status: .warning,
            detail: "\(detail), which this kernel or our rights do not hold in fully: without \(held.missing.joined(separator: ", "))",
            hint: "use a kernel with Landlock and namespaces (5.13 and later), or allow only raw and qcow2 images")
        ]
      }
      return [Diagnosis(name: name, status: .ok, detail: "\(detail): \(held.names.joined(separator: ", "))", hint: nil)]
    } catch {
      let error = SlipwayError.wrap(error)
      let formats = DiskFormat.allCases.filter(\.isConverted).map(\.rawValue).joined(separator: ", ")
      return [
        Diagnosis(
          name: name, status: .warning,
          detail: error.code == .configuration ? "qemu-img is not installed: images of \(formats) are refused" : error.message,
          hint: error.code == .configuration ? "install qemu-utils" : error.hint)
      ]
    }
  }
}

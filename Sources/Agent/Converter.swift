internal import Configuration
internal import Foundation
internal import ImageFormats
internal import Model
internal import NBD
internal import Runtime
internal import Sandbox
internal import Transfer
internal import Transports

/// Turns verified bytes of another format into what a guest would see of them, by `qemu-img`, and inspects the result.
///
/// qemu-img reads the source over a private socket and writes over another, so that it needs no file, no network and no key to Ceph; the format is forced, nothing
/// is probed. What it writes goes through a transfer like any other source.
struct Converter: Sendable {
  let agent: Agent
  let format: DiskFormat
  /// The image, for sentences.
  let object: String
  let context: RequestContext
  private let tool: ConfinedQemuImg

  /// Throws `configuration` where qemu-img is not installed.
  init(_ format: DiskFormat, agent: Agent, object: String, context: RequestContext) throws {
    self.agent = agent
    self.format = format
    self.object = object
    self.context = context
    tool = try ConfinedQemuImg.find(path: agent.environment["PATH"], wall: agent.configuration.limits.convertTime, object: object)
  }

  /// The size that a guest sees of `source`, which must agree with what `inspected`, its own header, says of it.
  ///
  /// Throws `format_refused`, `timeout`, and what the source throws.
  func virtualSize(of source: any RandomAccessSource, inspected: Int64) async throws -> Int64 {
    struct Info: Decodable {
      var size: Int64
      enum CodingKeys: String, CodingKey { case size = "virtual-size" }
    }
    let run = try await tool.run(
      ["info", "--output=json", "--image-opts", input], [served(source)], cpuSeconds: 30, deadline: context.deadline, doing: "read")
    guard let size = (try? JSONDecoder().decode(Info.self, from: Data(run.output)))?.size, size > 0, size % 512 == 0 else {
      throw SlipwayError(.formatRefused, "qemu-img tells no size of \(object)", object: object, hint: "check the image with qemu-img info")
    }
    // A VHD tells its size twice, once as the geometry of a disk, which QEMU goes by for some and which is a little less.
    let isSame = format == .vhd ? size <= inspected && size >= inspected - (16 << 20) : size == inspected
    guard isSame || inspected == 0 else {
      throw SlipwayError(
        .formatRefused, "\(object) says that it has \(inspected) bytes, and qemu-img reads \(size)", object: object,
        hint: "convert the image to raw or qcow2 yourself and upload that")
    }
    return size
  }

  /// Writes the `size` bytes that a guest sees of `source` to `sink`, and tells how.
  ///
  /// Throws `format_mismatch` and `format_refused` when the result is again an image of some format, `format_refused` for what qemu-img does not take,
  /// `timeout`, and what the source or the sink throws.
  func convert(
    _ source: any RandomAccessSource, size: Int64, to sink: any Sink, rate: RateLimit? = nil
  ) async throws -> (ByteTally, ConversionEvidence) {
    let version = try await tool.version()
    if !version.held.missing.isEmpty {
      context.log(
        .warning, "qemu-img is not held in as it should be",
        ["image": object, "missing": version.held.missing.joined(separator: ", "), "hint": "see: slipway doctor"])
    }
    let stream = WrittenStream(size: size, object: object)
    let inspection = InspectionObserver(claimed: .raw, object: "what \(object) was converted to")
    let tally = Locked<ByteTally?>(nil)
    var options = TransferOptions()
    options.phase = .converting
    let (chosen, agent, context) = (options, agent, context)
    // As slow as 8 MiB a second and a minute more is slow enough for any machine.
    let cpu = 60 + (size + source.size) / (8 << 20)
    let run = try await tool.run(
      // Forward only (no -W), and what is zeros left out: the stream reads what was left out as that.
      ["convert", "-n", "--target-is-zero", "-S", "64k", "--image-opts", input, "--target-image-opts", Self.raw(4)],
      [served(source, rate), NBDExport(size: size, writing: stream)], cpuSeconds: cpu, deadline: context.deadline, doing: "convert",
      beside: {
        do {
          let moved = try await Transfer.run(
            from: stream, to: sink, observers: [inspection], options: chosen, budget: agent.budget, workers: agent.data, context: context)
          tally.with { $0 = moved }
        } catch {
          // Whoever waits to write waits no longer.
          stream.fail(error)
          throw error
        }
      },
      ended: { error in
        if let error { stream.fail(error) } else { stream.finish() }
      })
    guard let moved = tally.with({ $0 }) else {
      throw SlipwayError(.internalError, "a conversion ended without a transfer", object: object)
    }
    return (
      moved,
      ConversionEvidence(
        from: format.rawValue, by: version.text, inspectedFormat: try inspection.result().format.rawValue, confinement: run.held.names)
    )
  }

  private func served(_ source: any RandomAccessSource, _ rate: RateLimit? = nil) -> NBDExport {
    NBDExport(size: source.size, reading: ServedSource(source, rate: rate))
  }

  /// The source as QEMU's options name it: the format forced, over the socket that is descriptor 3.
  private var input: String {
    let driver = format == .vhd ? "vpc" : format.rawValue
    return "driver=\(driver),file.driver=nbd,file.server.type=fd,file.server.str=3"
  }

  private static func raw(_ descriptor: Int) -> String { "driver=raw,file.driver=nbd,file.server.type=fd,file.server.str=\(descriptor)" }
}

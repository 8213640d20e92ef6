public import ArgumentParser
public import Model
internal import Foundation
internal import OpenStack
internal import Wire
public import Agent
public import ImageStore

/// Options that every verb takes.
struct CommonOptions: ParsableArguments {
  @Option(
    name: .long, help: ArgumentHelp("The configuration file (default: SLIPWAY_CONFIG, else /etc/slipway/slipway.yaml).", valueName: "file"))
  var config: String?

  @Flag(name: .long, help: "Print one JSON document on stdout, and nothing else.")
  var json = false

  @Flag(name: [.long, .short], help: "No progress and no notes: answers, and errors.")
  var quiet = false

  @Flag(name: [.long, .short], help: "Log what is done, on stderr.")
  var verbose = false

  @Flag(name: .long, help: "Do the work in this process, also where a daemon listens.")
  var standalone = false
}

/// How long a verb may take.
struct DeadlineOption: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Give up after this long (30s, 10m, 2h).", valueName: "duration"))
  var deadline: DurationArgument?
}

/// Where a base is made.
struct TierOption: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("The tier of bases in which one is made if none lies in any; default is bases.pool.", valueName: "tier"))
  var tier: String?
}

/// IMAGE and what belongs to it.
struct ImageOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Format of the bytes at a path or URL, as the image service says it (raw, qcow2, vmdk, …); never guessed.", valueName: "format"))
  var diskFormat: String?

  @Option(name: .long, help: ArgumentHelp("A digest that the stored bytes must have, such as sha512:HEX.", valueName: "algorithm:hex"))
  var digest: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The caller's token: the image service is asked with it who may see the image (better given as SLIPWAY_OS_TOKEN).", valueName: "token"
    ))
  var osToken: String?

  @Option(
    name: .long,
    help: ArgumentHelp("Why it is wanted; all but boot take a base that is here although the image is deleted.", valueName: "purpose"))
  var purpose: Purpose = .boot

  @Option(
    name: .customLong("trusted-cert"),
    help: ArgumentHelp(
      "Id of a trusted certificate, once for each: a signature is required, and its certificate must have a chain of these.",
      valueName: "id"))
  var trustedCertificates: [String] = []

  /// Says it in a request.
  func fill(_ request: inout some ImageRequestDocument) {
    (request.diskFormat, request.digest) = (diskFormat, digest)
    request.purpose = purpose == .boot ? nil : purpose.rawValue
    request.trustedCertificates = trustedCertificates.isEmpty ? nil : trustedCertificates
  }

  /// The caller's token.
  func token() -> Secret? {
    (osToken ?? ProcessInfo.processInfo.environment["SLIPWAY_OS_TOKEN"]).flatMap { $0.isEmpty ? nil : Secret($0) }
  }

  /// The request for `image`.
  func request(_ image: String, environment: [String: String]) throws -> ImageRequest {
    let token = (osToken ?? environment["SLIPWAY_OS_TOKEN"]).flatMap { $0.isEmpty ? nil : Secret($0) }
    return ImageRequest(
      reference: try ImageReference(parsing: image), diskFormat: diskFormat?.lowercased(),
      digest: try digest.map { try Digest(parsing: $0) },
      token: token, purpose: purpose, trusted: trustedCertificates)
  }
}

extension Purpose: ExpressibleByArgument {}
extension UploadFormat: ExpressibleByArgument {}
extension Target: ExpressibleByArgument {}
extension Route: ExpressibleByArgument {}
extension BaseSort: ExpressibleByArgument {}

/// A duration on the command line.
struct DurationArgument: ExpressibleByArgument {
  var duration: Duration

  init?(argument: String) {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
    let unit = argument.last.flatMap { units[$0] }
    guard let count = Int64(unit == nil ? argument : String(argument.dropLast())), count > 0, count < 1 << 40 else { return nil }
    duration = .seconds(count * (unit ?? 1))
  }
}

/// A size on the command line; what is wrong with it is told by `invalid_size`, not by the parser.
struct SizeArgument: ExpressibleByArgument {
  var text: String
  init?(argument: String) { text = argument }
  func bytes() throws -> ByteCount {
    let count = try ByteCount(parsing: text)
    guard count.bytes > 0 else { throw SlipwayError(.invalidSize, "a size of 0 is no disk", object: text, hint: "give a size such as 20G") }
    return count
  }
}

internal import Agent
internal import Disks
internal import ImageStore
internal import LibvirtReport
internal import Model
internal import OpenStack
internal import Wire

/// The value that `text` is a name of; nil without a text. Throws `usage` for a word outside the set.
func word<Word: RawRepresentable & CaseIterable>(_ text: String?, _ field: String, _ type: Word.Type) throws(SlipwayError) -> Word?
where Word.RawValue == String {
  guard let text else { return nil }
  if let word = Word(rawValue: text) { return word }
  throw SlipwayError(
    .usage, "'\(field)' cannot be '\(text.prefix(100))'", object: field,
    hint: "give one of: \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
}

/// A size of at least one byte.
func size(_ bytes: Int64, _ field: String) throws(SlipwayError) -> ByteCount {
  guard bytes > 0 else { throw SlipwayError(.invalidSize, "a size of \(bytes) is no disk", object: field, hint: "give a size in bytes") }
  return ByteCount(bytes)
}

extension ImageRequestDocument {
  /// As the agent takes it.
  func wanted(_ token: Secret?, tier: String? = nil) throws(SlipwayError) -> ImageRequest {
    ImageRequest(
      reference: try ImageReference(parsing: image), diskFormat: diskFormat?.lowercased(),
      digest: try digest.map { text throws(SlipwayError) in try Digest(parsing: text) }, token: token,
      purpose: try word(purpose, "purpose", Purpose.self) ?? .boot, trusted: trustedCertificates ?? [], tier: tier)
  }
}

extension DiskRequestDocument {
  /// What of libvirt's element it wants.
  var element: ElementWishes {
    var wishes = ElementWishes()
    (wishes.always, wishes.device, wishes.discard, wishes.detectZeroes) = (xml ?? false, device, discard, detectZeroes)
    return wishes
  }
}

extension ElementWishes {
  /// As a value. Throws `usage` for what libvirt has no word for.
  func choices() throws(SlipwayError) -> DiskElement.Choices {
    let choices = DiskElement.Choices(
      discard: try word(discard, "discard", DiskElement.Discard.self),
      detectZeroes: try word(detectZeroes, "detect_zeroes", DiskElement.DetectZeroes.self), device: device ?? "vda")
    guard choices.bus != nil else {
      throw SlipwayError(
        .usage, "'\(choices.device)' is no device's name", object: choices.device, hint: "give one such as vda, sdb or hda")
    }
    return choices
  }
}

extension DiskRequestDocument {
  /// Throws what is wrong with it whatever the image is.
  func check() throws(SlipwayError) {
    _ = try DiskName(name)
    _ = try element.choices()
    _ = try wanted(nil)
    _ = try word(target, "target", Target.self)
    _ = try word(attachMode, "attach_mode", DiskAttachment.Mode.self)
    if let size { _ = try AgentAPI.size(size, "size") }
  }
}

extension FetchRequestDocument {
  /// Throws what is wrong with it whatever the image is.
  func check() throws(SlipwayError) {
    _ = try wanted(nil)
    _ = try word(format, "format", BaseFormat.self)
  }
}

extension PrewarmRequestDocument {
  /// Throws what is wrong with it whatever the images are.
  func check() throws(SlipwayError) {
    let ways = [images != nil, tag != nil, set != nil, allPublic == true].count { $0 }
    guard ways == 1, images?.isEmpty != true, tag?.isEmpty != true, set?.isEmpty != true else {
      throw SlipwayError(.usage, "a prewarming names images, a tag or a set, or asks for all public ones", hint: "give exactly one of them")
    }
    for image in images ?? [] { _ = try ImageReference(parsing: image) }
    _ = try word(format, "format", BaseFormat.self)
    if let jobs, !(1...64).contains(jobs) { throw SlipwayError(.usage, "'jobs' is 1 to 64", object: "jobs") }
    if let rate, rate < 0 { throw SlipwayError(.usage, "'rate' is 0 or more", object: "rate") }
  }
}

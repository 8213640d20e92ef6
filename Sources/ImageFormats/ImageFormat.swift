public import Model

/// The formats whose bytes we accept.
public enum ImageFormat: String, Sendable, Hashable, Codable, CaseIterable {
  case raw, qcow2

  /// The format that an image service claims (`disk_format`). Throws `formatRefused` for every other word.
  public init(claimed text: String, object: String) throws(SlipwayError) {
    guard let format = ImageFormat(rawValue: text) else {
      throw .formatRefused(object, "has the disk format '\(text)', which is not supported", hint: "convert it to raw or qcow2")
    }
    self = format
  }
}

extension SlipwayError {
  /// `formatRefused`: the bytes are what they claim to be, but not acceptable.
  static func formatRefused(_ object: String, _ reason: String, hint: String? = nil) -> SlipwayError {
    SlipwayError(.formatRefused, "\(object) \(reason)", object: object, hint: hint)
  }

  /// `formatRefused` for metadata that contradicts itself or the file.
  static func damaged(_ object: String, _ reason: String) -> SlipwayError {
    formatRefused(object, "is a damaged qcow2: \(reason)", hint: "check the image with qemu-img check and upload it again")
  }
}

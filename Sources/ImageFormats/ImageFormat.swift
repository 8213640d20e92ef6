internal import Model

/// The formats that our own code reads and writes; all that inspection knows is `DiskFormat`.
public enum ImageFormat: String, Sendable, Hashable, Codable, CaseIterable {
  case raw, qcow2
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

extension Image {
  /// Whether librbd made an image of that id for the client `instance`: its ids are that number and a random one, both in hexadecimal, and
  /// only the last 14 digits are kept (librbd `generate_image_id`, `RBD_MAX_IMAGE_ID_LENGTH`).
  public static func isID(_ id: String, madeBy instance: UInt64) -> Bool {
    let prefix = String(instance, radix: 16)
    if id.utf8.count < 14 { return id.hasPrefix(prefix) && (1...8).contains(id.utf8.count - prefix.utf8.count) }
    return (1...8).contains { random in
      let visible = 14 - random
      return visible <= prefix.utf8.count && id.hasPrefix(prefix.suffix(visible))
    }
  }
}

internal import CCeph
internal import Model
internal import Runtime

extension Image {
  /// Sets one key of the image's own metadata (Implements `rbd_metadata_set`). The image must be open for writing.
  public func setMetadata(_ key: String, _ value: String) async throws {
    let label = self.label
    try await blocking { image in
      try CephCheck.check(rbd_metadata_set(image, key, value), "rbd_metadata_set", object: label, doing: "set '\(key)' of \(label)")
    }
  }

  /// Removes one key of the image's own metadata; one that is not there is no error (Implements `rbd_metadata_remove`).
  public func removeMetadata(_ key: String) async throws {
    let label = self.label
    try await blocking { image in
      let code = rbd_metadata_remove(image, key)
      if code == -2 { return }
      try CephCheck.check(code, "rbd_metadata_remove", object: label, doing: "remove '\(key)' of \(label)")
    }
  }

  /// One key of the image's metadata, nil when it has none (Implements `rbd_metadata_get`).
  public func metadata(_ key: String) async throws -> String? {
    let label = self.label
    return try await blocking { image in
      var size = 4096
      while size <= 1 << 20 {
        var text = [CChar](repeating: 0, count: size)
        var length = text.count
        let code = rbd_metadata_get(image, key, &text, &length)
        switch code {
        case -2: return nil
        case -34: size = max(size * 4, length + 1)  // ERANGE: once more with a larger buffer
        default:
          try CephCheck.check(code, "rbd_metadata_get", object: label, doing: "read '\(key)' of \(label)")
          return string(text)
        }
      }
      throw SlipwayError(.ioError, "'\(key)' of \(label) is larger than 1 MiB", object: label)
    }
  }
}

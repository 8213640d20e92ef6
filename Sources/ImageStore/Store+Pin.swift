internal import Files
internal import Model
internal import Runtime

extension Store {
  /// Pins a base that is there, instead of a pin that it has. `expires` in seconds since 1970. The pin lies beside the base, so it survives a lost
  /// catalog. Throws `base_not_found`, `usage` for an expiry that has passed, `no_space`.
  @discardableResult
  public func pin(_ name: BaseName, note: String? = nil, expires: Int64? = nil) async throws -> Pin {
    try await pool.run {
      let pin = Pin(note: note, created: self.now(), expires: expires)
      guard pin.holds(at: pin.created) else {
        throw SlipwayError(.usage, "the pin on \(name) would have expired already", object: name.text, hint: "give a time to come")
      }
      let missing = SlipwayError(
        .baseNotFound, "there is no base \(self.path(of: name))", object: self.path(of: name), hint: "fetch the image first")
      guard try self.bases.status(of: name.text)?.kind == .regular else { throw missing }
      let bytes = try StoreJSON.encode(pin)
      try self.meta.replace(name.pin, with: bytes, temporary: TemporaryName(.json).text, in: self.temporary)
      // Looked at again now that the pin can be seen: whoever evicts renames first and looks for a pin then.
      guard try self.bases.status(of: name.text) != nil else {
        try self.meta.remove(name.pin)
        throw missing
      }
      self.touch(name)
      self.index(name)
      return pin
    }
  }

  /// Takes the pin away; false when there was none.
  @discardableResult
  public func unpin(_ name: BaseName) async throws -> Bool {
    try await pool.run {
      let found = try self.meta.remove(name.pin)
      if found { try self.meta.sync() }
      self.index(name)
      return found
    }
  }

  /// The pin that holds now on a base, nil when there is none or it has expired.
  public func pin(of name: BaseName) async throws -> Pin? {
    try await pool.run { try self.pinNow(name) }
  }

  func pinNow(_ name: BaseName) throws(SlipwayError) -> Pin? {
    try pinOnDisk(name).flatMap { $0.holds(at: now()) ? $0 : nil }
  }

  /// The pin as it lies there, expired or not. One that cannot be read, or that a newer Slipway wrote, holds without end.
  func pinOnDisk(_ name: BaseName) throws(SlipwayError) -> Pin? {
    guard let bytes = try meta.contents(of: name.pin) else { return nil }
    if let pin = try? StoreJSON.decode(Pin.self, bytes), pin.version <= Pin.currentVersion { return pin }
    return Pin(note: "the pin \(meta.path)/\(name.pin) is unreadable or a newer Slipway's", created: 0, expires: nil)
  }
}

import Testing

/// The ways of an image's bytes into the store, and what a host must allow so that one is taken first.
enum Way: String, CaseIterable, CustomTestStringConvertible {
  case export, file, download

  var testDescription: String { rawValue }

  /// A host whose first route for an image of `Images.twice` is this one.
  func host(_ change: (inout Settings) -> Void = { _ in }) throws -> Host {
    try Host { settings, _ in
      settings.roots = [try Stack.current().text("stores", "local", "path")]
      settings.schemes = self == .export ? ["rbd"] : self == .file ? ["file"] : []
      change(&settings)
    }
  }
}
